/** The plugin kit asked by our own remote driver: over TLS, found by its specification, with certificates on both sides. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { test } from "node:test";
import { silentLog } from "../base/log.ts";
import { PluginDrivers } from "../drivers/remote/plugin-drivers.ts";
import { servePlugin } from "./plugin.ts";
import { directory, IDS, ipam, post, recording, serve } from "./served-plugin.fixture.ts";

test("over TLS it is found by its JSON file, and answers only who has a certificate", async () => {
  const [keyFile, certFile] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  const pair = ["-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", keyFile, "-out", certFile];
  execFileSync("openssl", ["req", "-x509", ...pair, ...subject], { stdio: "ignore" });
  const [key, cert] = [readFileSync(keyFile, "utf8"), readFileSync(certFile, "utf8")];
  await using plugin = await servePlugin({
    name: "mine",
    networkDriver: recording().driver,
    ipamDriver: ipam,
    listen: {
      host: "127.0.0.1",
      tls: { key, cert, ca: cert },
      clientTls: { caFile: certFile, certFile, keyFile },
      specDirectory: directory,
    },
  });
  assert.match(plugin.address, /^https:\/\/127\.0\.0\.1:\d+$/);
  using client = new PluginDrivers({
    directories: { sockets: join(directory, "none"), specs: [directory] },
    retryDelaysMs: [],
    log: silentLog,
  });
  await client.findDriver("mine");
  await client.findIpamDriver("mine");
  const pool = { family: 4, addressSpace: "local", options: {}, reserved: [] } as const;
  assert.equal((await client.ipamDriver("mine")?.requestPool(pool))?.id, "p1");

  const { promise, resolve } = Promise.withResolvers<string>();
  request(`${plugin.address}/Plugin.Activate`, { method: "POST", ca: cert }, () => resolve("answered"))
    .on("error", () => resolve("refused"))
    .end();
  assert.equal(await promise, "refused");
});

test("a call that is underway when the plugin stops is answered", async () => {
  const { promise: started, resolve: start } = Promise.withResolvers<void>();
  const { promise: finished, resolve: finish } = Promise.withResolvers<void>();
  const leave = async (): Promise<void> => {
    start();
    await finished;
  };
  const plugin = await serve({ networkDriver: { ...recording().driver, leave } });
  const answer = post(plugin.path, "NetworkDriver.Leave", IDS);
  await started;
  const stopped = plugin[Symbol.asyncDispose]();
  finish();
  assert.deepEqual((await answer).body, {});
  await stopped;
});
