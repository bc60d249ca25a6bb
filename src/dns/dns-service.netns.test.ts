/** The resolver in real namespaces, judged by dig. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { closeSync } from "node:fs";
import { connect } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import type { Worker } from "node:worker_threads";
import { parseAddress } from "../addr/ip-address.ts";
import type { Log } from "../base/log.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { openFds, requirePrivateNamespace, sh } from "../kernel/testing/netns.ts";
import { openKernelThread } from "../kernel/thread.ts";
import type { DnsChange, DnsEndpoint, DnsSandbox, DnsUpstream } from "./dns.ts";
import { startFlood } from "./flood.fixture.ts";
import { encodeFrame, FrameReader } from "./message/frames.ts";
import { encodeName } from "./message/name.ts";
import { openDnsService, spawnDnsWorker, type OpenDnsService } from "./open-dns-service.ts";
import { UpstreamFixture } from "./upstream.fixture.ts";

const DIG_MS = 8000;
const UPSTREAM_PORT = 5300;
const POLL_MS = 5;
const NETNS = { c1: "/run/netns/c1", c2: "/run/netns/c2", c3: "/run/netns/c3" } as const;
type Container = keyof typeof NETNS;

let kernel: Kernel;
let service: OpenDnsService;
let worker: Worker;
const logged: string[] = [];
const ports: Record<string, { readonly udpPort: number; readonly tcpPort: number }> = {};

const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (_fields, message) => void logged.push(message),
  error: (_fields, message) => void logged.push(message),
};

function upstream(address: string, from: "host" | "sandbox" = "host"): DnsUpstream {
  return { address: parseAddress(address), port: UPSTREAM_PORT, from };
}

function endpoint(id: string, networkId: string, names: readonly string[], ...addresses: string[]): DnsChange {
  const record: DnsEndpoint = { id, networkId, names, addresses: addresses.map((text) => parseAddress(text)) };
  return { put: "endpoint", endpoint: record };
}

function sandbox(id: string, networkIds: readonly string[], rest: Partial<DnsSandbox> = {}): DnsChange {
  const base: DnsSandbox = { id, networkIds, privateAliases: {}, upstreams: [], external: true, ndotsSet: false };
  return { put: "sandbox", sandbox: { ...base, ...rest } };
}

const NAMES: readonly DnsChange[] = [
  { put: "network", network: { id: "n1", name: "backend" } },
  { put: "network", network: { id: "n2", name: "frontend" } },
  endpoint("e1", "n1", ["c1", "web", "0123456789ab"], "172.18.0.2"),
  endpoint("e2", "n1", ["c2", "web"], "172.18.0.3", "fd00:18::3"),
  endpoint("e3", "n2", ["c3"], "172.19.0.2"),
  sandbox("c1", ["n1"]),
  sandbox("c2", ["n1"]),
  sandbox("c3", ["n2"]),
];

/** What dig prints, inside a container's namespace; over TCP when the options say `+tcp`. */
async function dig(container: Container, ...options: string[]): Promise<string> {
  const served = ports[container];
  const port = options.includes("+tcp") ? served?.tcpPort : served?.udpPort;
  const args = [
    "netns",
    "exec",
    container,
    "dig",
    "@127.0.0.11",
    "-p",
    String(port),
    "+tries=1",
    "+time=7",
    ...options,
  ];
  const { stdout } = await promisify(execFile)("ip", args, { timeout: DIG_MS });
  return stdout;
}

async function short(container: Container, ...options: string[]): Promise<readonly string[]> {
  return (await dig(container, "+short", ...options)).split("\n").filter((line) => line !== "");
}

async function status(container: Container, ...options: string[]): Promise<string | undefined> {
  return /status: (\w+)/.exec(await dig(container, ...options))?.[1];
}

async function eventually(what: string, holds: () => Promise<boolean>, timeoutMs = 5000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    assert.ok(performance.now() < deadline, `not within ${timeoutMs / 1000} s: ${what}`);
    await delay(POLL_MS);
  }
}

before(async () => {
  requirePrivateNamespace();
  for (const name of Object.keys(NETNS)) sh(`ip netns add ${name}; ip -n ${name} link set lo up`);
  kernel = await openKernelThread();
  service = await openDnsService({ kernel, log, spawn: () => (worker = spawnDnsWorker()) });
  await service.change(NAMES);
  for (const [name, path] of Object.entries(NETNS)) ports[name] = await service.serve(name, path);
});

beforeEach(async () => {
  await service.change(NAMES);
});

after(async () => {
  if (service !== undefined) await service[Symbol.asyncDispose]();
  if (kernel === undefined) return;
  await kernel[Symbol.asyncDispose]();
  for (const name of Object.keys(NETNS)) sh(`ip netns del ${name}`);
});

for (const transport of ["+notcp", "+tcp"]) {
  test(`names, aliases and qualified names resolve in any letter case (${transport})`, async () => {
    assert.deepEqual(await short("c1", transport, "c2"), ["172.18.0.3"]);
    assert.deepEqual(await short("c1", transport, "C2.BackEnd"), ["172.18.0.3"]);
    assert.deepEqual(await short("c1", transport, "c2", "AAAA"), ["fd00:18::3"]);
    assert.deepEqual(await short("c2", transport, "0123456789ab"), ["172.18.0.2"]);
    assert.deepEqual([...(await short("c1", transport, "web"))].sort(), ["172.18.0.2", "172.18.0.3"]);
    assert.deepEqual(await short("c1", transport, "-x", "172.18.0.3"), ["c2.backend."]);
    assert.deepEqual(await short("c1", transport, "-x", "fd00:18::3"), ["c2.backend."]);
  });
}

test("a known name has TTL 600, recursion available, and the question as it was asked", async () => {
  const text = await dig("c1", "C2");
  assert.match(text, /^C2\.\s+600\s+IN\s+A\s+172\.18\.0\.3$/m);
  assert.match(text, /flags: qr rd ra; QUERY: 1, ANSWER: 1,/);
  assert.match(text, /^;C2\.\s+IN\s+A$/m);
});

test("a known name without an address of the family is NOERROR and empty, and so are MX and HTTPS", async () => {
  for (const type of ["AAAA", "MX", "HTTPS"]) {
    assert.match(await dig("c1", "c1", type), /status: NOERROR[^]*ANSWER: 0/, type);
  }
});

test("names of networks that a sandbox is not on are unknown, and nothing to ask is SERVFAIL at once", async () => {
  const started = performance.now();
  assert.equal(await status("c1", "c3"), "SERVFAIL");
  assert.equal(await status("c3", "c2.backend"), "SERVFAIL");
  assert.ok(performance.now() - started < 1000);
});

test("a name appears when the sandbox joins the network and is gone when it leaves", async () => {
  await service.change([endpoint("e2b", "n2", ["c2"], "172.19.0.3"), sandbox("c2", ["n1", "n2"])]);
  assert.deepEqual(await short("c2", "c3"), ["172.19.0.2"]);
  assert.deepEqual(await short("c3", "c2"), ["172.19.0.3"]);
  await service.change([{ remove: "endpoint", id: "e2b" }, sandbox("c2", ["n1"])]);
  assert.equal(await status("c2", "c3"), "SERVFAIL");
  assert.equal(await status("c3", "c2"), "SERVFAIL");
});

test("other names are forwarded over the client's transport, and NXDOMAIN comes back as it is", async () => {
  await using server = await UpstreamFixture.open({ address: "127.0.0.53", port: UPSTREAM_PORT });
  await service.change([sandbox("c1", ["n1"], { upstreams: [upstream("127.0.0.53")] })]);
  assert.deepEqual(await short("c1", "www.example.org"), ["192.0.2.7"]);
  assert.deepEqual(await short("c1", "+tcp", "tcp.example.org"), ["192.0.2.7"]);
  assert.equal(await status("c1", "nx.example.org"), "NXDOMAIN");
  assert.equal(await status("c1", "nx"), "NXDOMAIN");
  assert.deepEqual(server.names("udp"), ["www.example.org", "nx.example.org", "nx"]);
  assert.deepEqual(server.names("tcp"), ["tcp.example.org"]);
});

test("an answer is asked for once and given again with what is left of its life, to those with the same servers", async () => {
  await using server = await UpstreamFixture.open({ address: "127.0.0.53", port: UPSTREAM_PORT });
  await using other = await UpstreamFixture.open({ address: "127.0.0.54", port: UPSTREAM_PORT });
  const same = { upstreams: [upstream("127.0.0.53")] };
  await service.change([sandbox("c1", ["n1"], same), sandbox("c2", ["n1"], same)]);
  await service.change([sandbox("c3", ["n2"], { upstreams: [upstream("127.0.0.54")] })]);
  const ttl = async (container: Container): Promise<number> =>
    Number(/^cached\.example\.org\.\s+(\d+)/m.exec(await dig(container, "+nocookie", "cached.example.org"))?.[1]);
  assert.equal(await ttl("c1"), 600);
  await eventually("the answer ages", async () => (await ttl("c2")) < 600);
  assert.equal(await ttl("c3"), 600);
  assert.deepEqual([server.names("udp").length, other.names("udp").length], [1, 1]);
});

test("a sandbox that floods its servers with what they never answer delays nobody else", async () => {
  const silent = await kernel.openSockets("host", [
    { transport: "udp", family: 4, bind: { address: "127.0.0.66", port: UPSTREAM_PORT } },
  ]);
  await using _server = await UpstreamFixture.open({ address: "127.0.0.53", port: UPSTREAM_PORT });
  const asking = (id: string, server: string): DnsChange => sandbox(id, ["n1"], { upstreams: [upstream(server)] });
  await service.change([asking("c1", "127.0.0.66"), asking("c2", "127.0.0.53")]);
  const { forwarded } = await service.counters();
  const flood = startFlood("c1", ports["c1"]?.udpPort ?? 0, 60_000);
  try {
    // The first questions must be given up before others can be asked in their place, which takes seconds.
    const isMany = async (): Promise<boolean> => (await service.counters()).forwarded > forwarded + 4096;
    await eventually("more is asked than one may ask at once", isMany, 40_000);
    for (let index = 0; index < 5; index++) {
      const started = performance.now();
      assert.deepEqual(await short("c2", `calm${index}.example.org`), ["192.0.2.7"]);
      assert.ok(performance.now() - started < 1000, "within a second, dig's own start included");
    }
  } finally {
    flood.kill();
    for (const { fd } of silent) closeSync(fd);
    await service.stop("c1");
    ports["c1"] = await service.serve("c1", NETNS.c1);
  }
});

test("answers with a wrong id or question are not believed", async () => {
  await using _server = await UpstreamFixture.open({ address: "127.0.0.53", port: UPSTREAM_PORT });
  await service.change([sandbox("c1", ["n1"], { upstreams: [upstream("127.0.0.53")] })]);
  assert.deepEqual(await short("c1", "forged.example.org"), ["192.0.2.7"]);
  assert.deepEqual(await short("c1", "+tcp", "forged.example.org"), ["192.0.2.7"]);
});

test("a long answer is truncated for a client that takes 512 bytes, and whole over TCP", async () => {
  await using _server = await UpstreamFixture.open({ address: "127.0.0.53", port: UPSTREAM_PORT });
  const many = Array.from({ length: 200 }, (_, index) => endpoint(`m${index}`, "n1", ["many"], `172.18.1.${index}`));
  await service.change([...many, sandbox("c1", ["n1"], { upstreams: [upstream("127.0.0.53")] })]);
  for (const [name, count] of [
    ["many", 200],
    ["big.example.org", 40],
  ] as const) {
    assert.match(await dig("c1", "+noedns", "+ignore", name), /flags: qr tc rd ra/);
    assert.equal((await short("c1", "+tcp", name)).length, count);
  }
  await service.change(many.map((_, index) => ({ remove: "endpoint", id: `m${index}` }) as const));
});

test("a server that fails, refuses the connection or is unreachable is passed over at once", async () => {
  await using _server = await UpstreamFixture.open({ address: "127.0.0.53", port: UPSTREAM_PORT });
  const upstreams = [upstream("127.0.0.99"), upstream("198.51.100.1"), upstream("127.0.0.53")];
  await service.change([sandbox("c1", ["n1"], { upstreams })]);
  const started = performance.now();
  assert.deepEqual(await short("c1", "www.example.org"), ["192.0.2.7"]);
  assert.deepEqual(await short("c1", "+tcp", "www.example.org"), ["192.0.2.7"]);
  assert.ok(performance.now() - started < 2000);
});

test("a server that never answers delays its client, not for long, and nobody else", async () => {
  await using silent = await UpstreamFixture.open({ address: "127.0.0.66", port: UPSTREAM_PORT });
  await using _server = await UpstreamFixture.open({ address: "127.0.0.53", port: UPSTREAM_PORT });
  silent.silent = true;
  const upstreams = [upstream("127.0.0.66"), upstream("127.0.0.53")];
  await service.change([sandbox("c1", ["n1"], { upstreams })]);
  const started = performance.now();
  const slow = short("c1", "www.example.org");
  assert.deepEqual(await short("c1", "c2"), ["172.18.0.3"]);
  assert.deepEqual(await slow, ["192.0.2.7"]);
  assert.ok(performance.now() - started < 3000, "the second server should be asked after about a second");
});

test("where no server ever answers, a name without dots fails in 1.5 s, and then sooner", async () => {
  await using silent = await UpstreamFixture.open({ address: "127.0.0.67", port: UPSTREAM_PORT });
  silent.silent = true;
  await service.change([sandbox("c1", ["n1"], { upstreams: [upstream("127.0.0.67")] })]);
  for (const limitMs of [3000, 1400]) {
    const started = performance.now();
    assert.equal(await status("c1", "c9"), "SERVFAIL");
    assert.ok(performance.now() - started < limitMs, `within ${limitMs} ms`);
  }
  assert.ok(logged.includes("no upstream DNS server answered"));
});

test("an internal sandbox asks no server through the host, but its own", async () => {
  await using outside = await UpstreamFixture.open({ address: "127.0.0.53", port: UPSTREAM_PORT });
  const bind = { address: "127.0.0.54", port: UPSTREAM_PORT };
  const [udp, tcp] = await kernel.openSockets(NETNS.c1, [
    { transport: "udp", family: 4, bind },
    { transport: "tcp", family: 4, bind },
  ]);
  assert.ok(udp !== undefined && tcp !== undefined);
  await using inside = await UpstreamFixture.open({ udpFd: udp.fd, tcpFd: tcp.fd });
  await service.change([sandbox("c1", ["n1"], { external: false, upstreams: [upstream("127.0.0.53")] })]);
  assert.equal(await status("c1", "www.example.org"), "SERVFAIL");
  const upstreams = [upstream("127.0.0.53"), upstream("127.0.0.54", "sandbox")];
  await service.change([sandbox("c1", ["n1"], { external: false, upstreams })]);
  assert.deepEqual(await short("c1", "www.example.org"), ["192.0.2.7"]);
  assert.deepEqual(await short("c1", "+tcp", "www.example.org"), ["192.0.2.7"]);
  assert.deepEqual(outside.asked, []);
  assert.equal(inside.asked.length, 2);
});

test("hostile datagrams change nothing for the next client", async () => {
  const bind = { address: "127.0.0.1", port: 0 };
  const [raw] = await kernel.openSockets(NETNS.c1, [{ transport: "udp", family: 4, bind }]);
  assert.ok(raw !== undefined);
  const socket = createSocket("udp4");
  const listening = once(socket, "listening");
  socket.bind({ fd: raw.fd });
  await listening;
  for (let round = 0; round < 5000; round++) {
    const bytes = Buffer.from(Array.from({ length: round % 200 }, () => Math.floor(Math.random() * 256)));
    if (round % 3 === 0 && bytes.length > 12) bytes.set([0, 0, 1, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 0);
    if (round % 5 === 0 && bytes.length > 14) bytes.set([0xc0, 12], 12);
    socket.send(bytes, ports["c1"]?.udpPort, "127.0.0.11");
    if (round % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  socket.send(Buffer.alloc(60_000), ports["c1"]?.udpPort, "127.0.0.11");
  socket.close();
  assert.deepEqual(await short("c1", "c2"), ["172.18.0.3"]);
  assert.deepEqual(await short("c1", "+tcp", "c2"), ["172.18.0.3"]);
});

test("queries on one connection are answered, however the bytes are cut, until the client has no more", async () => {
  const { tcpPort } = await serveHost();
  const socket = connect(tcpPort, "127.0.0.11");
  const frames = new FrameReader();
  const ids: number[] = [];
  socket.on("data", (chunk) => {
    for (const message of frames.push(chunk)) ids.push(message[1] ?? 0);
  });
  const query = (id: number): Uint8Array => encodeFrame(encodeQuery(id, "c2"));
  await once(socket, "connect");
  socket.setNoDelay(true);
  for (const byte of Buffer.concat([query(1), query(2)])) socket.write(Buffer.of(byte));
  socket.end(Buffer.concat([query(3), query(4), query(5)]));
  await once(socket, "close");
  assert.deepEqual(ids, [1, 2, 3, 4, 5]);
  await service.stop("host");
});

test("a sandbox has at most 64 TCP connections", async () => {
  const { tcpPort } = await serveHost();
  const sockets = Array.from({ length: 70 }, () => connect(tcpPort, "127.0.0.11"));
  for (const socket of sockets) socket.on("error", () => undefined).resume();
  const gone = (): number => sockets.filter((socket) => socket.destroyed).length;
  await eventually("six are turned away", async () => gone() >= 6);
  assert.equal(gone(), 6);
  for (const socket of sockets) socket.destroy();
  await service.stop("host");
});

test("a worker that dies is replaced: same ports, same answers, and the log says so", async () => {
  const dead = worker;
  await dead.terminate();
  await eventually("another worker answers", async () => {
    try {
      return (await short("c1", "c2"))[0] === "172.18.0.3";
    } catch {
      return false;
    }
  });
  assert.notEqual(worker, dead);
  assert.ok(logged.includes("the DNS worker ended; starting another"));
  assert.deepEqual(await short("c1", "+tcp", "c2"), ["172.18.0.3"]);
  await service.change([endpoint("e9", "n1", ["c9"], "172.18.0.9")]);
  assert.deepEqual(await short("c1", "c9"), ["172.18.0.9"]);
  await service.change([{ remove: "endpoint", id: "e9" }]);
});

test("after serving and stopping a thousand times no descriptor is left", async () => {
  await service.change([sandbox("s", ["n1"])]);
  await service.serve("s", NETNS.c3);
  await service.stop("s");
  const openBefore = openFds();
  for (let round = 0; round < 1000; round++) {
    await service.serve("s", NETNS.c3);
    await service.stop("s");
  }
  assert.equal(openFds(), openBefore);
});

test("queries that nobody answers cost a socket each, all freed when the sandbox is no longer served", async () => {
  const upstreams = [upstream("127.0.0.68"), upstream("127.0.0.68", "sandbox")];
  await using silent = await UpstreamFixture.open({ address: "127.0.0.68", port: UPSTREAM_PORT });
  silent.silent = true;
  const openBefore = openFds();
  await service.change([sandbox("host", ["n1"], { upstreams })]);
  const { udpPort } = await service.serve("host", "host");
  const client = createSocket("udp4").unref();
  for (let id = 0; id < 250; id++) client.send(encodeQuery(id, `x${id}.example`), udpPort, "127.0.0.11");
  await eventually("both servers are being asked", async () => openFds() > openBefore + 400);
  await service.stop("host");
  client.close();
  await eventually("all descriptors are closed", async () => openFds() <= openBefore);
});

test("serving a sandbox that is not known is refused, and serving twice gives the same ports", async () => {
  await assert.rejects(service.serve("nobody", NETNS.c1), /sandbox nobody is not known/);
  const again = await service.serve("c1", NETNS.c1);
  assert.deepEqual([again.udpPort, again.tcpPort], [ports["c1"]?.udpPort, ports["c1"]?.tcpPort]);
});

function encodeQuery(id: number, name: string): Uint8Array {
  const header = Buffer.from([0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
  return Buffer.concat([header, encodeName(name) ?? Buffer.of(0), Buffer.from([0, 1, 0, 1])]);
}

async function serveHost(): Promise<{ readonly udpPort: number; readonly tcpPort: number }> {
  await service.change([sandbox("host", ["n1"])]);
  return service.serve("host", "host");
}
