/** The proxy's relays on real sockets: their limits, refusals, and a thread that dies. */
import assert from "node:assert/strict";
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { after, before, test } from "node:test";
import type { Kernel } from "../../kernel/kernel.ts";
import { HOST } from "../../kernel/facts.ts";
import { openFds, requirePrivateNamespace, until } from "../../kernel/testing/netns.ts";
import { openKernelThread } from "../../kernel/thread.ts";
import type { Order } from "./protocol.ts";
import { Budget } from "./relay.ts";
import { TcpRelay } from "./tcp-relay.ts";
import { UdpRelay } from "./udp-relay.ts";

requirePrivateNamespace();
let kernel: Kernel;
before(async () => {
  kernel = await openKernelThread();
});
after(async () => kernel[Symbol.asyncDispose]());

async function bound(protocol: Order["protocol"]): Promise<{ readonly fd: number; readonly port: number }> {
  const bind = { address: "127.0.0.1", port: 0 };
  const [socket] = await kernel.openSockets(HOST, [{ transport: protocol, family: 4, bind }]);
  assert.ok(socket);
  return socket;
}

const order = (fd: number, protocol: Order["protocol"], port: number): Order => ({
  fd,
  protocol,
  family: 4,
  address: "127.0.0.1",
  port,
});

/** "end", or the error's code. */
async function fateOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once("end", () => resolve("end")).once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
    socket.resume();
  });
}

test("TCP: one connection more than there may be is reset, and there is room again when one ends", async () => {
  const server = createServer((socket) => socket.on("error", () => undefined).pipe(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const refused: string[] = [];
  const budget = new Budget(1, () => void refused.push("refused"));
  const { fd, port } = await bound("tcp");
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP
  const relay = new TcpRelay(fd, order(fd, "tcp", (server.address() as AddressInfo).port), budget);
  await relay.ready();
  const first = connect(port, "127.0.0.1");
  first.write("hello");
  assert.equal(String((await once(first, "data"))[0]), "hello");
  assert.equal(await fateOf(connect(port, "127.0.0.1")), "ECONNRESET");
  assert.deepEqual(refused, ["refused"]);
  first.end();
  assert.equal(await fateOf(first), "end");
  await until("the connection is counted off", () => budget.used === 0);
  const second = connect(port, "127.0.0.1");
  second.write("again");
  await once(second, "data");
  const fate = fateOf(second);
  relay.close();
  assert.equal(await fate, "ECONNRESET");
  server.close();
  await once(server, "close");
});

test("TCP: a container that refuses is a reset for the client", async () => {
  const { fd, port } = await bound("tcp");
  const relay = new TcpRelay(fd, order(fd, "tcp", 9), new Budget(8, () => undefined));
  await relay.ready();
  assert.equal(await fateOf(connect(port, "127.0.0.1")), "ECONNRESET");
  relay.close();
});

async function ask(port: number, text: string): Promise<{ readonly socket: UdpSocket; readonly answer: string }> {
  const socket = createSocket("udp4");
  socket.connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.send(text);
  const [answer] = await once(socket, "message", { signal: AbortSignal.timeout(5000) });
  return { socket, answer: String(answer) };
}

test("UDP: each client has its answers, the oldest session ends where there are too many, and descriptors with them", async () => {
  const echo = createSocket("udp4");
  echo.on("message", (bytes, from) => echo.send(`echo ${String(bytes)}`, from.port, from.address));
  echo.bind(0, "127.0.0.1");
  await once(echo, "listening");
  const budget = new Budget(2, () => undefined);
  const { fd, port } = await bound("udp");
  const before = openFds();
  const relay = new UdpRelay(fd, order(fd, "udp", echo.address().port), budget);
  const clients: UdpSocket[] = [];
  for (const text of ["one", "two", "three"]) {
    const { socket, answer } = await ask(port, text);
    assert.equal(answer, `echo ${text}`);
    clients.push(socket);
  }
  assert.equal(budget.used, 2);
  const [first] = clients;
  assert.ok(first);
  first.send("one again");
  assert.equal(String((await once(first, "message"))[0]), "echo one again");
  relay.close();
  assert.equal(budget.used, 0);
  for (const client of clients) client.close();
  await until("descriptors are gone", () => openFds() === before - 1);
  echo.close();
});
