/** Where plugins are found, and in which order. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { EngineError } from "../../base/errors.ts";
import { findPlugin, type PluginAddress } from "./discovery.ts";
import { ScriptedPlugin } from "./testing/scripted-plugin.ts";

test("a socket comes first, then specifications by directory, spec before json, a directory of its own last", async () => {
  await using plugin = await ScriptedPlugin.create();
  const { directories, name } = plugin;
  const [etc = "", lib = ""] = directories.specs;
  const found = (): Promise<PluginAddress | undefined> => findPlugin(name, directories);
  const put = async (path: string, text: string): Promise<void> => {
    await mkdir(join(path, ".."), { recursive: true });
    await writeFile(path, text);
  };
  assert.equal(await found(), undefined);
  await writeFile(plugin.socket, "not a socket");
  assert.equal(await found(), undefined);

  await put(join(lib, name, `${name}.json`), '{"Addr":"tcp://h:7"}');
  assert.deepEqual(await found(), { kind: "tcp", host: "h", port: 7 });
  await put(join(lib, `${name}.json`), '{"Addr":"tcp://h:6"}');
  assert.deepEqual(await found(), { kind: "tcp", host: "h", port: 6 });
  await put(join(lib, `${name}.spec`), "tcp://h:5\n");
  assert.deepEqual(await found(), { kind: "tcp", host: "h", port: 5 });
  await put(join(etc, name, `${name}.json`), '{"Addr":"tcp://h:4"}');
  assert.deepEqual(await found(), { kind: "tcp", host: "h", port: 4 });
  await put(join(etc, `${name}.spec`), "  unix:///x.sock  ");
  assert.deepEqual(await found(), { kind: "unix", path: "/x.sock" });
});

test("addresses of specifications", async () => {
  const cases: readonly (readonly [string, string, PluginAddress | string])[] = [
    ["spec", "tcp://[::1]:80", { kind: "tcp", host: "::1", port: 80 }],
    ["spec", "https://h", { kind: "tcp", host: "h", port: 443, tls: { verify: false } }],
    ["spec", "nonsense", "Unknown protocol"],
    ["spec", "", "Unknown protocol"],
    ["spec", "tcp://", 'no address: "tcp://"'],
    [
      "json",
      '{"Addr":"https://h:1","TLSConfig":{"CAFile":"/ca"}}',
      { kind: "tcp", host: "h", port: 1, tls: { verify: true, caFile: "/ca" } },
    ],
    [
      "json",
      '{"Addr":"https://h:1","TLSConfig":{"InsecureSkipVerify":true,"CAFile":"/ca","CertFile":"/c","KeyFile":"/k"}}',
      { kind: "tcp", host: "h", port: 1, tls: { verify: false, caFile: "/ca", certFile: "/c", keyFile: "/k" } },
    ],
    ["json", '{"Addr":"https://h:1","TLSConfig":{}}', { kind: "tcp", host: "h", port: 1, tls: { verify: false } }],
    ["json", "{bad", 'specification: not JSON: "{bad"'],
    ["json", '{"Addr":5}', "specification.Addr: expected text, found 5"],
    ["json", "x".repeat(70_000), "more than 65536 bytes"],
  ];
  for (const [extension, text, expected] of cases) {
    await using plugin = await ScriptedPlugin.create();
    const path = join(plugin.directories.specs[0] ?? "", `plug.${extension}`);
    await writeFile(path, text);
    const found = findPlugin("plug", plugin.directories);
    if (typeof expected !== "string") assert.deepEqual(await found, expected);
    else
      await assert.rejects(found, (error) => error instanceof EngineError && error.message === `${path}: ${expected}`);
  }
});

test("a name that leads out of the directories is nobody's", async () => {
  await using plugin = await ScriptedPlugin.start();
  for (const name of ["../run/plug", "/plug", "", ".", "..", "a\0b", "x".repeat(5000)]) {
    assert.equal(await findPlugin(name, plugin.directories), undefined, JSON.stringify(name));
  }
});
