/** Hostile and careless clients on a real socket: each ends in an answer or a closed connection, and the server goes on. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { TestServer } from "./fake/test-server.ts";

const DEADLINE_MS = 10_000;

function connect(server: TestServer): Socket {
  const socket = createConnection({ path: server.socketPath, allowHalfOpen: true });
  socket.on("error", () => undefined);
  return socket;
}

/** Sends bytes and answers all that comes back until the server closes. */
async function exchange(server: TestServer, bytes: string | Buffer): Promise<string> {
  const socket = connect(server);
  socket.write(bytes);
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.once("end", () => socket.end());
  await once(socket, "close", { signal: AbortSignal.timeout(DEADLINE_MS) });
  return text;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`never came true: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function openFiles(): number {
  return readdirSync("/proc/self/fd").length;
}

test("bytes that are no HTTP are answered with a 4xx and the end of the connection", async () => {
  await using server = await TestServer.start();
  assert.match(await exchange(server, "\0\u0001garbage\r\n\r\n"), /^HTTP\/1\.1 400 Bad Request\r\n/);
  const long = `GET /_ping HTTP/1.1\r\nHost: d\r\nX: ${"y".repeat(200_000)}\r\n\r\n`;
  assert.match(await exchange(server, long), /^HTTP\/1\.1 431 /);
  const twice = "POST /networks/create HTTP/1.1\r\nHost: d\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}";
  assert.match(await exchange(server, twice), /^HTTP\/1\.1 400 /);
  assert.match(await exchange(server, "GET /%zz HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"), /^HTTP\/1\.1 400 /);
  assert.equal((await server.request("GET", "/_ping")).status, 200);
});

test("ten megabytes of body are refused clearly, and the next request on a new connection is served", async () => {
  await using server = await TestServer.start();
  const size = 10 * 1024 * 1024;
  const head = `POST /networks/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: ${size}\r\n\r\n`;
  const answer = await exchange(server, Buffer.concat([Buffer.from(head), Buffer.alloc(size, "[")]));
  assert.match(answer, /^HTTP\/1\.1 413 [\s\S]*larger than the limit of 1048576 bytes/);
  const deep = "[".repeat(1_000_000);
  assert.equal((await server.request("POST", "/networks/create", deep)).status, 400);
  const nested = `{"Healthcheck":${"[".repeat(500_000)}${"]".repeat(500_000)}}`;
  assert.equal((await server.request("POST", "/containers/create", nested)).status, 400);
  assert.equal((await server.request("GET", "/_ping")).status, 200);
});

test("half a request is waited for no longer than its time", async () => {
  await using server = await TestServer.start({ headersTimeoutMs: 200, bodyTimeoutMs: 200 });
  assert.match(await exchange(server, "GET /_ping HTTP/1.1\r\nHost: d\r\n"), /^HTTP\/1\.1 408 /);
  const half = "POST /networks/create HTTP/1.1\r\nHost: d\r\nContent-Length: 500\r\n\r\n{";
  const answer = await exchange(server, half);
  assert.match(answer, /^HTTP\/1\.1 408 [\s\S]*request body did not arrive within 200 ms/);
});

test("the listeners of others are served with the same time-outs", async () => {
  await using server = await TestServer.start({ headersTimeoutMs: 200 });
  const listener = createServer({ allowHalfOpen: true });
  server.api.serve(listener);
  const path = `${server.socketPath}.other`;
  await once(listener.listen({ path }), "listening");
  const socket = createConnection({ path });
  socket.write("GET /_pi");
  const [answer]: unknown[] = await once(socket, "data", { signal: AbortSignal.timeout(DEADLINE_MS) });
  assert.match(String(answer), /^HTTP\/1\.1 408 /);
  socket.destroy();
  await server.api.close();
  listener.close();
});

test("a thousand connections closed midway leave no descriptor", async () => {
  await using server = await TestServer.start();
  await server.created("/containers/create?name=c1", { Image: "busybox", OpenStdin: true, Tty: true });
  await server.request("POST", "/containers/c1/start");
  const before = openFiles();
  const halves = [
    "GET /_pi",
    "POST /networks/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{",
    "POST /containers/c1/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
    "POST /exec/x/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 90\r\n\r\n{",
    "GET /events HTTP/1.1\r\nHost: d\r\n\r\n",
    "GET /containers/c1/logs?stdout=1&follow=1 HTTP/1.1\r\nHost: d\r\n\r\n",
    "POST /images/create?fromSrc=- HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    "POST /containers/c1/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\r\n",
  ];
  for (let round = 0; round < 20; round++) {
    const sockets = Array.from({ length: 50 }, () => connect(server));
    const written = sockets.map(async (socket, index) => {
      await once(socket, "connect");
      await new Promise<void>((resolve) => socket.write(halves[index % halves.length] ?? "", () => resolve()));
    });
    await Promise.all(written);
    for (const socket of sockets) socket.destroy();
    await until(() => openFiles() <= before + 20);
  }
  await until(() => openFiles() <= before && server.engine.containers.openStreams() === 0);
  server.engine.assertClean();
  assert.equal((await server.request("GET", "/_ping")).status, 200);
});

test("a client that reads no events is dropped", async () => {
  await using server = await TestServer.start();
  const socket = connect(server);
  socket.write("GET /events HTTP/1.1\r\nHost: d\r\n\r\n");
  await once(socket, "readable");
  const note = { type: "network", action: "create", actorId: "x", attributes: { name: "n".repeat(10_000) } } as const;
  for (let count = 0; count < 1000; count++) server.engine.events.emit(note);
  socket.once("end", () => socket.end()).resume();
  await once(socket, "close", { signal: AbortSignal.timeout(DEADLINE_MS) });
  socket.destroy();
});

test("a client that stops waiting for a container is waited for no longer", async () => {
  await using server = await TestServer.start();
  await server.created("/containers/create?name=c1", { Image: "busybox" });
  for (const condition of ["next-exit", "removed"]) {
    const socket = connect(server);
    socket.write(`POST /containers/c1/wait?condition=${condition} HTTP/1.1\r\nHost: d\r\n\r\n`);
    await once(socket, "readable");
    assert.equal(server.engine.containers.waits, 1);
    socket.destroy();
    await until(() => server.engine.containers.waits === 0);
  }
});

test("the body of an upgraded exec start may come late and in pieces; what follows is its stdin", async () => {
  await using server = await TestServer.start();
  await server.created("/containers/create?name=c1", { Image: "busybox", OpenStdin: true });
  await server.request("POST", "/containers/c1/start");
  const exec = { Cmd: ["cat"], AttachStdin: true, AttachStdout: true };
  const id = await server.created("/containers/c1/exec", exec);
  const socket = connect(server);
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  const head = `POST /v1.45/exec/${id}/start HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n`;
  socket.write(`${head}Content-Type: application/json\r\nContent-Length: 16\r\n\r\n{"Deta`);
  await new Promise((resolve) => setImmediate(resolve));
  socket.write('ch":false}hello');
  socket.end();
  await once(socket, "close", { signal: AbortSignal.timeout(DEADLINE_MS) });
  assert.match(text, /^HTTP\/1\.1 101 UPGRADED\r\n/);
  assert.match(text, /Content-Type: application\/vnd\.docker\.multiplexed-stream\r\n/);
  assert.ok(text.endsWith("\r\n\r\n\u0001\0\0\0\0\0\0\u0005hello"), JSON.stringify(text));
  assert.deepEqual((await server.request("GET", `/exec/${id}/json`)).status, 200);
});

test("an upgrade that cannot be is answered as HTTP", async () => {
  await using server = await TestServer.start();
  const upgrade = "Host: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
  const attach = await exchange(server, `POST /containers/nope/attach?stream=1 HTTP/1.1\r\n${upgrade}`);
  assert.match(attach, /^HTTP\/1\.1 404 Not Found\r\n/);
  assert.ok(attach.endsWith('{"message":"No such container: nope"}'));
  assert.match(
    await exchange(server, `POST /v1.2/exec/x/start HTTP/1.1\r\n${upgrade}`),
    /^HTTP\/1\.1 400 Bad Request\r\n/,
  );
  const session = await exchange(
    server,
    "POST /session HTTP/1.1\r\nHost: d\r\nConnection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n",
  );
  assert.match(session, /^HTTP\/1\.1 501 Not Implemented\r\n/);
});

test("attach without upgrade streams the output until the container ends", async () => {
  await using server = await TestServer.start();
  await server.created("/containers/create?name=c1", { Image: "busybox", OpenStdin: true });
  await server.request("POST", "/containers/c1/start");
  const socket = connect(server);
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.write(
    "POST /containers/c1/attach?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n",
  );
  socket.write("8\r\necho hi\n\r\n");
  await until(() => text.includes("\u0001\0\0\0\0\0\0\u0003hi\n"));
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  await server.request("POST", "/containers/c1/kill");
  await until(() => socket.readableEnded || socket.destroyed);
  socket.destroy();
});

test("a program that prints faster than its client reads is held back, not buffered", async () => {
  await using server = await TestServer.start();
  await server.created("/containers/create?name=c1", { Image: "busybox", OpenStdin: true });
  await server.request("POST", "/containers/c1/start");
  const socket = connect(server);
  socket.write(
    "POST /containers/c1/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
  );
  await once(socket, "readable");
  socket.pause();
  const { process } = server.engine.containers.entry("c1");
  const accepted = process.flood(64 * 1024 * 1024);
  assert.ok(accepted < 8 * 1024 * 1024, `${accepted} bytes were taken before the reader read`);
  socket.destroy();
  await until(() => server.engine.containers.openStreams() === 0);
});

test("waiting answers its headers before the container starts", async () => {
  await using server = await TestServer.start();
  await server.created("/containers/create?name=c1", { Image: "busybox", Cmd: ["exit", "4"] });
  const socket = connect(server);
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.write("POST /containers/c1/wait?condition=next-exit HTTP/1.1\r\nHost: d\r\n\r\n");
  await until(() => text.includes("\r\n\r\n"));
  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
  assert.doesNotMatch(text, /StatusCode/);
  await server.request("POST", "/containers/c1/start");
  await until(() => text.includes('{"StatusCode":4}'));
  socket.destroy();
});
