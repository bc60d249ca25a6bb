/** A plugin behind TLS: its certificate is checked where a CA is named, and ours is shown where one is. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { silentLog } from "../../base/log.ts";
import { Plugin } from "./plugin.ts";

const directory = mkdtempSync(join(tmpdir(), "causeway-tls-"));
after(() => rmSync(directory, { recursive: true }));
const path = (name: string): string => join(directory, name);

/** Signed by itself, for 127.0.0.1. */
function certificate(name: string): { readonly key: string; readonly cert: string } {
  const [key, cert] = [path(`${name}.key`), path(`${name}.crt`)];
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=IP:127.0.0.1"];
  const kind = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"];
  execFileSync("openssl", [...kind, "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });
  return { key, cert };
}

test("certificates of plugin and daemon", async () => {
  const [theirs, ours] = [certificate("plugin"), certificate("daemon")];
  const server = createServer(
    {
      key: readFileSync(theirs.key),
      cert: readFileSync(theirs.cert),
      ca: readFileSync(ours.cert),
      requestCert: true,
      rejectUnauthorized: true,
    },
    (_request, response) => response.end('{"Implements":["NetworkDriver"]}'),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const activate = (tls: object): Promise<readonly string[]> => {
    const spec = { Name: "safe", Addr: `https://127.0.0.1:${address.port}`, TLSConfig: tls };
    writeFileSync(path("safe.json"), JSON.stringify(spec));
    const directories = { sockets: path("none"), specs: [directory] };
    const limits = { callTimeoutMs: 5_000, retryDelaysMs: [], maxAnswerBytes: 1_000 };
    return new Plugin("safe", {
      directories,
      ...limits,
      log: silentLog,
      signal: new AbortController().signal,
    }).activate();
  };
  const shown = { CertFile: ours.cert, KeyFile: ours.key };
  assert.deepEqual(await activate({ CAFile: theirs.cert, ...shown }), ["NetworkDriver"]);
  assert.deepEqual(await activate(shown), ["NetworkDriver"], "nobody to check by");
  const where = `legacy plugin: plugin safe: Plugin.Activate: cannot connect to 127.0.0.1:${address.port}: `;
  const begins = (text: string) => (error: unknown) => error instanceof Error && error.message.startsWith(where + text);
  await assert.rejects(activate({ CAFile: ours.cert, ...shown }), begins("self-signed certificate"));
  await assert.rejects(activate({ CAFile: path("no.crt") }), begins(`cannot read ${path("no.crt")}: ENOENT`));
  await assert.rejects(activate({ CAFile: theirs.cert }), /legacy plugin: plugin safe: Plugin\.Activate: /);
  server.close();
});
