/** Listening: a socket's mode, stale and live sockets, TLS clients without a certificate, what systemd hands over. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { createServer as createNetServer } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { Server as TlsServer } from "node:tls";
import { promisify } from "node:util";
import { Listeners } from "./listeners.ts";
import type { Serve } from "./listeners.ts";
import { systemdSockets } from "./systemd-sockets.ts";

const directory = mkdtempSync(join(tmpdir(), "causeway-listen-"));
after(() => rmSync(directory, { recursive: true }));

/** Serves a listener as the API does: plain connections, or those whose TLS handshake is done. */
const http = (): Serve => (listener) => {
  const server = createServer((_, response) => response.end("pong"));
  const event = listener instanceof TlsServer ? "secureConnection" : "connection";
  listener.on(event, (socket: Socket) => server.emit("connection", socket));
};
const group = { name: "", required: false };
const path = (name: string): string => join(directory, name);

async function ask(options: object): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const asked = request({ ...options, path: "/_ping", agent: false }, (response) => {
    response.setEncoding("utf8").on("data", resolve);
  });
  asked.on("error", reject).end();
  return promise;
}

test("a unix socket answers, has mode 0660 and is gone after closing", async () => {
  const socket = path("a.sock");
  {
    await using listeners = await Listeners.open(http(), { listen: [{ kind: "unix", path: socket }], group });
    assert.deepEqual(listeners.addresses, [socket]);
    assert.equal(await ask({ socketPath: socket }), "pong");
    assert.equal(statSync(socket).mode & 0o777, 0o660);
  }
  assert.ok(!existsSync(socket));
});

test("a socket file that nobody answers on is replaced", async () => {
  const socket = path("stale.sock");
  const script = `require("node:net").createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, "SIGKILL"))`;
  assert.throws(() => execFileSync(process.execPath, ["-e", script]));
  assert.ok(existsSync(socket));
  await using _listeners = await Listeners.open(http(), { listen: [{ kind: "unix", path: socket }], group });
  assert.equal(await ask({ socketPath: socket }), "pong");
});

test("a socket that somebody answers on is refused and left alone", async () => {
  const listen = [{ kind: "unix", path: path("live.sock") }] as const;
  await using _first = await Listeners.open(http(), { listen, group });
  await assert.rejects(Listeners.open(http(), { listen, group }), /another daemon listens on/);
  assert.equal(await ask({ socketPath: listen[0].path }), "pong");
});

test("a file that is no socket is not removed", async () => {
  writeFileSync(path("file"), "precious");
  const listen = [{ kind: "unix", path: path("file") }] as const;
  await assert.rejects(Listeners.open(http(), { listen, group }), /is not a socket/);
});

test("a group that does not exist matters only when it was asked for", async () => {
  const listen = [{ kind: "unix", path: path("group.sock") }] as const;
  const config = { listen, group: { name: "no-such-group", required: true } };
  await assert.rejects(Listeners.open(http(), config), /group no-such-group not found/);
  await using _listeners = await Listeners.open(http(), {
    ...config,
    group: { name: "no-such-group", required: false },
  });
});

test("when one address fails none is left open", async () => {
  const listen = [
    { kind: "unix", path: path("first.sock") },
    { kind: "unix", path: path("file") },
  ] as const;
  await assert.rejects(Listeners.open(http(), { listen, group }));
  assert.ok(!existsSync(path("first.sock")));
});

test("closing ends connections that are still open", async () => {
  const listeners = await Listeners.open(http(), { listen: [{ kind: "unix", path: path("open.sock") }], group });
  const asked = request({ socketPath: path("open.sock"), path: "/x", method: "POST" });
  const { promise, resolve } = Promise.withResolvers<void>();
  asked.on("error", () => resolve());
  asked.write("half a body");
  await new Promise((done) => asked.once("socket", (socket) => socket.once("connect", done)));
  await listeners[Symbol.asyncDispose]();
  await promise;
});

test("with --tlsverify a client without our certificate is turned away", async () => {
  const [key, cert] = [path("key.pem"), path("cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
  execFileSync(
    "openssl",
    ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-keyout", key, "-out", cert, ...subject],
    {
      stdio: "ignore",
    },
  );
  const port = await freePort();
  const listen = [{ kind: "tcp", host: "127.0.0.1", port }] as const;
  await using _listeners = await Listeners.open(http(), { listen, group, tls: { ca: cert, cert, key, verify: true } });
  const curl = async (...args: string[]): Promise<string> => {
    const always = ["-sS", "--max-time", "5", "--cacert", cert, `https://127.0.0.1:${port}/`];
    return (await promisify(execFile)("curl", [...always, ...args])).stdout;
  };
  assert.equal(await curl("--cert", cert, "--key", key), "pong");
  await assert.rejects(curl());
});

async function freePort(): Promise<number> {
  const server = createNetServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === "object" && address !== null ? address.port : 0;
}

test("systemd's sockets count from 3 and are meant for one process", () => {
  const environment = { LISTEN_PID: "42", LISTEN_FDS: "2" };
  assert.deepEqual(systemdSockets(environment, 42, undefined), [3, 4]);
  assert.deepEqual(systemdSockets(environment, 42, 4), [4]);
  assert.throws(() => systemdSockets(environment, 43, undefined), /no sockets found/);
  assert.throws(() => systemdSockets(environment, 42, 5), /no sockets found/);
});
