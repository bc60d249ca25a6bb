/** Sysctls, sockets and programs inside a namespace; and that the thread is home again after each. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { closeSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { after, afterEach, before, test } from "node:test";
import { HOST, type KernelFact } from "./facts.ts";
import type { Kernel } from "./kernel.ts";
import { KernelError } from "./kernel-error.ts";
import { ensure, openFds, remove, requirePrivateNamespace, sh, until, within } from "./testing/netns.ts";
import { openKernelThread } from "./thread.ts";

const NS = "/run/causeway/netns/system";
const namespace: KernelFact = { kind: "namespace", path: NS };
const lo: KernelFact = { kind: "link", namespace: NS, name: "lo", device: { type: "loopback" }, up: true };

let kernel: Kernel;
before(async () => {
  requirePrivateNamespace();
  kernel = await openKernelThread();
  await kernel.apply(ensure(namespace, lo));
});
after(async () => {
  await kernel.apply(remove(namespace, lo));
  await kernel[Symbol.asyncDispose]();
});
afterEach(async () => {
  const here = await kernel.run(HOST, ["readlink", "/proc/self/ns/net"]);
  assert.equal(here.stdout, sh("readlink /proc/self/ns/net"));
});

const sysctl = (key: string, value: string, where = NS): KernelFact => ({
  kind: "sysctl",
  namespace: where,
  key,
  value,
});

test("a sysctl is set in its namespace and nowhere else", async () => {
  const host = sh("cat /proc/sys/net/ipv4/ip_forward");
  const value = host === "1\n" ? "0" : "1";
  await kernel.apply(ensure(sysctl("net/ipv4/ip_forward", value)));
  assert.equal(sh(within(NS, "cat /proc/sys/net/ipv4/ip_forward")), `${value}\n`);
  assert.equal(sh("cat /proc/sys/net/ipv4/ip_forward"), host);
  assert.equal(await kernel.readSysctl(NS, "net/ipv4/ip_forward"), value);
  assert.equal(await kernel.readSysctl(HOST, "net/ipv4/ip_forward"), host.trim());
  await kernel.apply(remove(sysctl("net/ipv4/ip_forward", value)));
  assert.equal(await kernel.readSysctl(NS, "net/ipv4/ip_forward"), value, "sysctls are never undone");
});

test("a sysctl that is missing, takes no such value or leaves /proc/sys is refused by name", async () => {
  assert.equal(await kernel.readSysctl(NS, "net/ipv4/no_such"), undefined);
  await assert.rejects(
    kernel.apply(ensure(sysctl("net/ipv4/no_such", "1"))),
    /set sysctl net\/ipv4\/no_such to 1: ENOENT/,
  );
  await assert.rejects(
    kernel.apply(ensure(sysctl("net/ipv4/ip_default_ttl", "none"))),
    /ip_default_ttl to none: EINVAL/,
  );
  for (const key of ["net/../../../etc/passwd", "/etc/passwd", "net//x", "net/ipv4/", "net\0x/y"]) {
    await assert.rejects(kernel.readSysctl(NS, key), /not a sysctl's name \(EINVAL\)/, key);
    await assert.rejects(kernel.apply(ensure(sysctl(key, "1"))), KernelError, key);
  }
});

test("sockets live in their namespace, are not inherited and do not block", async () => {
  const [udp, tcp, tcp6, unbound] = await kernel.openSockets(NS, [
    { transport: "udp", family: 4, bind: { address: "127.0.0.11", port: 0 } },
    { transport: "tcp", family: 4, bind: { address: "127.0.0.11", port: 0 } },
    { transport: "tcp", family: 6, bind: { address: "::1", port: 5353 } },
    { transport: "udp", family: 4 },
  ]);
  assert.ok(udp && tcp && tcp6 && unbound);
  const listening = sh(within(NS, "ss -Hlntu"));
  for (const place of [`127.0.0.11:${udp.port}`, `127.0.0.11:${tcp.port}`, "[::1]:5353"]) {
    assert.ok(listening.includes(place), `${place} in ${listening}`);
  }
  assert.equal(sh("ss -Hlntu").includes("127.0.0.11"), false);
  assert.deepEqual([tcp6.port, unbound.port], [5353, 0]);
  for (const { fd } of [udp, tcp, tcp6, unbound]) {
    const flags = Number.parseInt(
      /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "0",
      8,
    );
    assert.equal(flags & 0o2004000, 0o2004000, "O_CLOEXEC and O_NONBLOCK");
    closeSync(fd);
  }
});

test("Node serves on such sockets, from the main thread, for clients inside", async () => {
  const [udp, tcp] = await kernel.openSockets(NS, [
    { transport: "udp", family: 4, bind: { address: "127.0.0.1", port: 0 } },
    { transport: "tcp", family: 4, bind: { address: "127.0.0.1", port: 0 } },
  ]);
  assert.ok(udp && tcp);
  const server = createServer((client) => client.end("over tcp")).listen({ fd: tcp.fd });
  const socket = createSocket("udp4");
  socket.on("message", (message, peer) => socket.send(`got ${message.toString()}`, peer.port, peer.address));
  socket.bind({ fd: udp.fd });
  const client = `
    const { createSocket } = require("node:dgram"); const { connect } = require("node:net");
    connect(${tcp.port}, "127.0.0.1").pipe(process.stdout);
    const s = createSocket("udp4"); s.on("message", (m) => { console.log(String(m)); s.close(); });
    s.send("ping", ${udp.port}, "127.0.0.1");`;
  try {
    const { stdout } = await kernel.run(NS, [process.execPath, "-e", client]);
    assert.ok(stdout.includes("over tcp") && stdout.includes("got ping"), stdout);
  } finally {
    server.close();
    socket.close();
  }
});

test("of several sockets all or none are opened", async () => {
  const fds = openFds();
  const free = { transport: "tcp", family: 4, bind: { address: "127.0.0.1", port: 7777 } } as const;
  await assert.rejects(
    kernel.openSockets(NS, [free, { ...free, transport: "udp" }, free]),
    /open tcp socket at 127\.0\.0\.1 port 7777: EADDRINUSE/,
  );
  await assert.rejects(kernel.openSockets(NS, [{ ...free, bind: { address: "10.9.9.9", port: 1 } }]), /EADDRNOTAVAIL/);
  for (const bind of [
    { address: "localhost", port: 1 },
    { address: "::1", port: 1 },
    { address: "127.0.0.1", port: 65_536 },
  ]) {
    await assert.rejects(kernel.openSockets(NS, [{ ...free, bind }]), /no such address \(EINVAL\)/);
  }
  assert.equal(openFds(), fds);
});

test("a program runs inside, gets its input, and its output and exit code come back", async () => {
  const result = await kernel.run(NS, ["sh", "-c", "readlink /proc/self/ns/net; cat; echo oops >&2; exit 3"], {
    input: "in\n",
  });
  const there = sh(within(NS, "readlink /proc/self/ns/net"));
  assert.deepEqual(result, { exitCode: 3, stdout: `${there}in\n`, stderr: "oops\n" });
  assert.equal((await kernel.run(NS, ["sh", "-c", "kill -9 $$"])).exitCode, 137);
  // Input that nobody reads is no error.
  assert.equal((await kernel.run(NS, ["true"], { input: "x".repeat(1_000_000) })).exitCode, 0);
});

test("programs run beside each other and beside other calls", async () => {
  const begin = performance.now();
  const slow = Array.from({ length: 5 }, () => kernel.run(NS, ["sleep", "0.5"]));
  await kernel.observe(HOST);
  assert.ok(performance.now() - begin < 450);
  await Promise.all(slow);
  assert.ok(performance.now() - begin < 2_000);
});

test("a program that is absent, too slow or too loud is an error, and is killed", async () => {
  await assert.rejects(kernel.run(NS, ["no-such-program"]), /run no-such-program: ENOENT/);
  const slow = kernel.run(NS, ["sh", "-c", "sleep 77 & wait"], { timeoutMs: 200 });
  await assert.rejects(slow, /still running after 200 ms \(ETIMEDOUT\)/);
  await assert.rejects(kernel.run(NS, ["cat", "/dev/zero"]), /it prints too much \(EFBIG\)/);
  await until("cat is gone", () => !sh("ps -eo args").includes("cat /dev/zero"));
  sh("for pid in $(ps -eo pid,args | grep '[s]leep 77' | cut -c1-8); do kill $pid; done");
});

test("a silent socket holds its port, and neither answers a SYN nor keeps a datagram", async () => {
  const [tcp, udp] = await kernel.openSockets(NS, [
    { transport: "tcp", family: 4, bind: { address: "0.0.0.0", port: 8080 }, silent: true },
    { transport: "udp", family: 4, bind: { address: "0.0.0.0", port: 8080 }, silent: true },
  ]);
  assert.match(sh(within(NS, "ss -Hltn sport = :8080")), /0\.0\.0\.0:8080/);
  const connect = `timeout 0.5 bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080'`;
  assert.throws(() => sh(within(NS, connect)), { status: 124 }, "neither accepted nor refused");
  sh(within(NS, `bash -c 'echo hello >/dev/udp/127.0.0.1/8080'`));
  assert.match(sh(within(NS, "ss -Huan sport = :8080")), /^UNCONN +0 +0 /);
  await assert.rejects(
    kernel.openSockets(NS, [
      { transport: "tcp", family: 4, bind: { address: "0.0.0.0", port: 8079 } },
      { transport: "tcp", family: 4, bind: { address: "127.0.0.1", port: 8080 } },
    ]),
    (error) => error instanceof KernelError && error.code === "EADDRINUSE" && error.completed === 1,
  );
  for (const opened of [tcp, udp]) if (opened !== undefined) closeSync(opened.fd);
  assert.equal(sh(within(NS, "ss -Hltun")), "");
});
