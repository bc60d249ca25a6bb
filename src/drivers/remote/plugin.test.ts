/** Calls of a plugin: every way in which one can fail, with the text that the user sees, and what mends it. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { EngineError } from "../../base/errors.ts";
import { silentLog } from "../../base/log.ts";
import { Plugin, UnknownMethod, type PluginSettings } from "./plugin.ts";
import { IPAM_DRIVER } from "./protocol/ipam-driver.ts";
import { NETWORK_DRIVER } from "./protocol/network-driver.ts";
import { HANDLED, hangs, rawBytes, ScriptedPlugin, status, type Script } from "./testing/scripted-plugin.ts";

const NEVER = new AbortController().signal;

function settings({ directories }: ScriptedPlugin, changes: Partial<PluginSettings> = {}): PluginSettings {
  const limits = { callTimeoutMs: 5_000, retryDelaysMs: [], maxAnswerBytes: 10_000 };
  return { directories, ...limits, log: silentLog, signal: NEVER, ...changes };
}

const REF = { NetworkID: "n", EndpointID: "e" };
const leave = (plugin: Plugin): Promise<unknown> => plugin.call(NETWORK_DRIVER.Leave, REF);

test("what a plugin says of a failure is told in dockerd's words, all else with plugin and call", async () => {
  const cases: readonly (readonly [string, Script, string, string])[] = [
    ["Err", () => ({ Err: "no such thing" }), "internal", "remote: no such thing"],
    ["err in another case", () => ({ err: "no" }), "internal", "remote: no"],
    ["500 with Err", status(500, '{"Err":"broken"}'), "internal", "NetworkDriver.Leave: broken"],
    ["500 with Error", status(500, '{"Error":"broken"}'), "internal", 'NetworkDriver.Leave: {"Error":"broken"}'],
    ["500 with text", status(500, "oops\n"), "internal", "NetworkDriver.Leave: oops\n"],
    ["404", status(404, "404 page not found\n"), "internal", "NetworkDriver.Leave: 404 page not found\n"],
    ["redirect", status(302, ""), "internal", "NetworkDriver.Leave: "],
    ["empty body", () => "", "internal", 'plugin plug: NetworkDriver.Leave: answer: not JSON: ""'],
    ["HTML", () => "<html>", "internal", 'plugin plug: NetworkDriver.Leave: answer: not JSON: "<html>"'],
    ["a list", () => [], "internal", "plugin plug: NetworkDriver.Leave: answer: expected an object, found a list"],
    [
      "Err is no text",
      () => ({ Err: 5 }),
      "internal",
      "plugin plug: NetworkDriver.Leave: answer.Err: expected text, found 5",
    ],
    [
      "huge body",
      () => "x".repeat(20_000),
      "unavailable",
      "plugin plug: NetworkDriver.Leave: the answer is longer than 10000 bytes",
    ],
    [
      "cut short",
      rawBytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
      "unavailable",
      "plugin plug: NetworkDriver.Leave: aborted",
    ],
    [
      "no HTTP",
      rawBytes("\u0000\u0001garbage\r\n\r\n"),
      "unavailable",
      "plugin plug: NetworkDriver.Leave: Parse Error: Expected HTTP/, RTSP/ or ICE/",
    ],
    [
      "another protocol",
      rawBytes("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
      "unavailable",
      "plugin plug: NetworkDriver.Leave: the plugin changes the protocol instead of answering",
    ],
    ["nothing", rawBytes(""), "unavailable", "plugin plug: NetworkDriver.Leave: socket hang up"],
  ];
  await using scripted = await ScriptedPlugin.start();
  const plugin = new Plugin("plug", settings(scripted));
  for (const [what, script, code, message] of cases) {
    scripted.scripts = { "NetworkDriver.Leave": script };
    await assert.rejects(leave(plugin), (error) => {
      assert.ok(error instanceof EngineError, what);
      assert.deepEqual([error.code, error.message], [code, message], what);
      assert.equal(error instanceof UnknownMethod, what === "404", what);
      return true;
    });
  }
  scripted.scripts = { "IpamDriver.ReleasePool": () => ({ Error: "full", Err: "other" }) };
  await assert.rejects(plugin.call(IPAM_DRIVER.ReleasePool, { PoolID: "p" }), { message: "remote: full" });
  scripted.scripts = {};
  await leave(plugin);
});

test("a plugin that hangs or trickles is waited for as long as a call may take", async () => {
  const trickles: Script = (_request, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(" "), 5);
    response.once("close", () => clearInterval(timer));
    return HANDLED;
  };
  await using scripted = await ScriptedPlugin.start();
  const plugin = new Plugin("plug", settings(scripted, { callTimeoutMs: 200 }));
  for (const script of [hangs, trickles, () => HANDLED]) {
    scripted.scripts = { "NetworkDriver.Leave": script };
    const message = "plugin plug: NetworkDriver.Leave: no answer within 0.2 s";
    await assert.rejects(leave(plugin), { code: "unavailable", message });
  }
});

test("one that was silent for a whole time limit gets 2 s, until it answers again", async () => {
  await using scripted = await ScriptedPlugin.start();
  const plugin = new Plugin("plug", settings(scripted, { callTimeoutMs: 2_100 }));
  const limits: string[] = [];
  for (const script of [hangs, hangs, (): unknown => ({}), hangs]) {
    scripted.scripts = { "NetworkDriver.Leave": script };
    await leave(plugin).catch((cause: unknown) => limits.push(String(cause).split(": ").at(-1) ?? ""));
  }
  assert.deepEqual(limits, ["no answer within 2.1 s", "no answer within 2 s", "no answer within 2.1 s"]);
});

test("the daemon's end ends a call", async () => {
  const { promise: asked, resolve: tell } = Promise.withResolvers<void>();
  const silent: Script = () => (tell(), HANDLED);
  await using scripted = await ScriptedPlugin.start({ "NetworkDriver.Leave": silent });
  const ending = new AbortController();
  const call = leave(new Plugin("plug", settings(scripted, { signal: ending.signal })));
  await asked;
  ending.abort();
  await assert.rejects(call, { message: "plugin plug: NetworkDriver.Leave: the daemon is ending" });
});

test("who is not there is not found, who does not listen cannot be connected to, both after patience", async () => {
  await using scripted = await ScriptedPlugin.create();
  const said: string[] = [];
  const log = { ...silentLog, warn: (_fields: object, text: string) => void said.push(text) };
  const plugin = new Plugin("plug", settings(scripted, { retryDelaysMs: [1, 2], log }));
  await assert.rejects(plugin.activate(), { code: "not-found", message: 'plugin "plug" not found' });
  assert.deepEqual(said, [
    "Unable to locate plugin: plug, retrying in 0.001s",
    "Unable to locate plugin: plug, retrying in 0.002s",
  ]);
  await assert.rejects(plugin.activate(), { code: "not-found" });
  assert.equal(said.length, 2, "waited again for one that was waited for in vain");

  const [etc = ""] = scripted.directories.specs;
  await writeFile(join(etc, "plug.spec"), "nonsense");
  const message = `legacy plugin: plugin plug: Plugin.Activate: ${join(etc, "plug.spec")}: Unknown protocol`;
  await assert.rejects(plugin.activate(), { message });
  await writeFile(join(etc, "plug.spec"), "unix:///nobody.sock");
  const connecting =
    "legacy plugin: plugin plug: Plugin.Activate: cannot connect to /nobody.sock: connect ENOENT /nobody.sock";
  await assert.rejects(plugin.activate(), { code: "unavailable", message: connecting });
});

test("a plugin that appears while it is waited for is found, and one that restarts is found again", async () => {
  await using scripted = await ScriptedPlugin.create();
  let waits = 0;
  const log = { ...silentLog, warn: () => void (++waits === 2 && scripted.listen()) };
  const plugin = new Plugin("plug", settings(scripted, { retryDelaysMs: Array.from({ length: 200 }, () => 20), log }));
  assert.deepEqual(await plugin.activate(), ["NetworkDriver", "IpamDriver"]);
  await scripted.stop();
  waits = 0;
  await leave(plugin);
  assert.ok(waits >= 2);
  await plugin.activate();
  const activations = scripted.calls.filter(({ method }) => method === "Plugin.Activate").length;
  assert.equal(activations, 1, "activated once for good");
});

test("a call that was cut short is not repeated", async () => {
  await using scripted = await ScriptedPlugin.start({ "NetworkDriver.Leave": rawBytes("") });
  await assert.rejects(leave(new Plugin("plug", settings(scripted, { retryDelaysMs: [1, 1] }))));
  assert.deepEqual(scripted.methods, ["Leave"]);
});

test("an interface that the plugin does not implement is refused", async () => {
  await using scripted = await ScriptedPlugin.start({ "Plugin.Activate": () => ({ Implements: ["VolumeDriver"] }) });
  const which = 'plugin="plug", requested implementation="NetworkDriver"';
  const message = `legacy plugin: Plugin does not implement the requested driver: ${which}`;
  await assert.rejects(new Plugin("plug", settings(scripted)).demand("NetworkDriver"), { message });
});

test("no descriptor is left of calls, good or bad", async () => {
  const openFds = (): number => readdirSync("/proc/self/fd").length;
  await using scripted = await ScriptedPlugin.start();
  const plugin = new Plugin("plug", settings(scripted, { callTimeoutMs: 200 }));
  await leave(plugin);
  const before = openFds();
  const scripts: readonly Script[] = [() => ({}), hangs, rawBytes("x"), () => "x".repeat(20_000), status(500, "")];
  for (let round = 0; round < 10; round++) {
    for (const script of scripts) {
      scripted.scripts = { "NetworkDriver.Leave": script };
      await leave(plugin).catch(() => undefined);
    }
  }
  await scripted.stop();
  assert.ok(openFds() <= before + 2, `${openFds()} descriptors, ${before} before`);
});

test("a plugin over TCP is asked over HTTP with the protocol's headers", async () => {
  const { promise: head, resolve } = Promise.withResolvers<string>();
  const server = createTcpServer((socket) => {
    let seen = "";
    socket.on("data", (bytes) => {
      seen += bytes.toString();
      if (!seen.includes("}")) return;
      resolve(seen);
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    });
  });
  const { promise: listening, resolve: ready } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", ready);
  await listening;
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  await using scripted = await ScriptedPlugin.create();
  await writeFile(join(scripted.directories.specs[1] ?? "", "plug.spec"), `tcp://127.0.0.1:${address.port}`);
  await leave(new Plugin("plug", settings(scripted)));
  const text = await head;
  assert.match(text, /^POST \/NetworkDriver\.Leave HTTP\/1\.1\r\n/);
  assert.match(text, /\r\nAccept: application\/vnd\.docker\.plugins\.v1\.2\+json\r\n/);
  assert.match(text, /\r\n\r\n\{"NetworkID":"n","EndpointID":"e"\}\n$/);
  server.close();
});
