/** Held ports and the proxy with real sockets, judged by `ss`, bash's own TCP and UDP, and python's sockets. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { parseAddress } from "../addr/ip-address.ts";
import { silentLog } from "../base/log.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { openFds, requirePrivateNamespace, sh } from "../kernel/testing/netns.ts";
import { openKernelThread } from "../kernel/thread.ts";
import { KernelHostPorts } from "./host-ports.ts";
import type { HostPlace, PortWish } from "./ports.ts";
import { openPortProxy } from "./proxy/open-proxy.ts";
import type { PortProxy } from "./proxy/proxy.ts";

requirePrivateNamespace();
let kernel: Kernel;
let proxy: PortProxy;
let ports: KernelHostPorts;

before(async () => {
  kernel = await openKernelThread();
  proxy = openPortProxy(silentLog);
  ports = new KernelHostPorts(kernel, proxy, silentLog);
});
after(async () => {
  await ports[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
  await kernel[Symbol.asyncDispose]();
});

const any4: HostPlace = { address: parseAddress("0.0.0.0") };
const any6: HostPlace = { address: parseAddress("::") };

function wish(first?: number, last = first, rest: Partial<PortWish> = {}): PortWish {
  const range = first === undefined || last === undefined ? {} : { hostPorts: { first, last } };
  return { protocol: "tcp", places: [any4, any6], ...range, target: "172.17.0.2:80", ...rest };
}

function listening(): readonly string[] {
  const lines = sh("ss -Hltun").trim().split("\n");
  return lines.flatMap((line) => line.split(/\s+/)[4] ?? []).sort();
}

test("a pair of addresses shares one port, held by listening sockets until it is released", async () => {
  const held = await ports.hold([wish(8080), wish(9000, 9001)]);
  assert.deepEqual(
    held.map(({ port }) => port),
    [8080, 9000],
  );
  assert.deepEqual(listening(), ["0.0.0.0:8080", "0.0.0.0:9000", "[::]:8080", "[::]:9000"]);
  await ports.release(held);
  await ports.release(held);
  assert.deepEqual(listening(), []);
});

test("a port that another container has is refused with Docker's sentence, and nothing is held of the rest", async () => {
  const held = await ports.hold([wish(8080)]);
  await assert.rejects(ports.hold([wish(8081), wish(8080)]), {
    code: "internal",
    message: "Bind for 0.0.0.0:8080 failed: port is already allocated",
  });
  const loopback = [{ address: parseAddress("::1") }];
  await assert.rejects(ports.hold([wish(8080, 8080, { places: loopback })]), {
    message: "Bind for ::1:8080 failed: port is already allocated",
  });
  assert.deepEqual(listening(), ["0.0.0.0:8080", "[::]:8080"]);
  await ports.release(held);
  await ports.release(await ports.hold([wish(8080), wish(8081)]));
});

test("a range gives its first free port, single ports go first, and a full range is refused", async () => {
  const held = await ports.hold([wish(9000, 9001), wish(9000)]);
  assert.deepEqual(
    held.map(({ port }) => port),
    [9001, 9000],
  );
  await assert.rejects(ports.hold([wish(9000, 9001)]), { message: "all ports are allocated" });
  await ports.release(held);
});

test("a port that a program of the host has is refused or passed over", async () => {
  const program = spawn("python3", [
    "-c",
    "import socket,sys; s=socket.socket(); s.bind(('0.0.0.0',9000)); s.listen(); print('up',flush=True); sys.stdin.read()",
  ]);
  await once(program.stdout, "data");
  await assert.rejects(ports.hold([wish(9000)]), {
    message: "failed to bind host port for 0.0.0.0:9000:172.17.0.2:80/tcp: address already in use",
  });
  const held = await ports.hold([wish(9000, 9002)]);
  assert.equal(held[0]?.port, 9001);
  await ports.release(held);
  program.stdin.end();
  await once(program, "exit");
});

test("an address that the host does not have is refused", async () => {
  const places = [{ address: parseAddress("192.0.2.77") }];
  await assert.rejects(ports.hold([wish(9000, 9000, { places })]), {
    message: "failed to bind host port for 192.0.2.77:9000:172.17.0.2:80/tcp: cannot assign requested address",
  });
});

test("ports of free choice come from the ephemeral range, without those that are reserved", async () => {
  sh(
    "echo '40000 40003' >/proc/sys/net/ipv4/ip_local_port_range; echo 40001 >/proc/sys/net/ipv4/ip_local_reserved_ports",
  );
  const first = await ports.hold([wish(), wish()]);
  await ports.release(first);
  const second = await ports.hold([wish()]);
  assert.deepEqual(
    [...first, ...second].map(({ port }) => port),
    [40000, 40002, 40003],
  );
  await ports.release(second);
});

test("five hundred ports are held and released in some tens of milliseconds, and leave no descriptor", async () => {
  await ports.release(await ports.hold([wish(20000)]));
  const before = openFds();
  const wishes = Array.from({ length: 500 }, (_, index) => wish(10000 + index));
  const started = performance.now();
  const held = await ports.hold(wishes);
  const heldMs = performance.now() - started;
  await ports.release(held);
  const releasedMs = performance.now() - started - heldMs;
  assert.ok(heldMs < 200 && releasedMs < 100, `held in ${heldMs} ms, released in ${releasedMs} ms`);
  assert.equal(openFds(), before);
});

const SERVERS = `
import socket,threading,sys
def tcp():
    s=socket.socket(); s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1); s.bind(("127.0.0.9",80)); s.listen(); print("up",flush=True)
    while True:
        c,_=s.accept()
        data=b""
        while True:
            part=c.recv(65536)
            if not part: break
            data+=part
        c.sendall(b"got %d" % len(data)); c.close()
def udp():
    u=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); u.bind(("127.0.0.9",80))
    while True:
        data,peer=u.recvfrom(65536); u.sendto(b"echo "+data,peer)
threading.Thread(target=udp,daemon=True).start(); threading.Thread(target=tcp,daemon=True).start(); sys.stdin.read()
`;
const TCP_CLIENT = `
import socket
s=socket.create_connection(("::1",8080),5); s.sendall(b"x"*3000000); s.shutdown(socket.SHUT_WR); s.settimeout(5)
data=b""
while True:
    part=s.recv(1000)
    if not part: break
    data+=part
print(data.decode())
`;
const UDP_CLIENT = `
import socket
for word in (b"one",b"two"):
    u=socket.socket(socket.AF_INET6,socket.SOCK_DGRAM); u.settimeout(5); u.connect(("::1",8080)); u.send(word); print(u.recv(100).decode())
`;

test("the proxy takes TCP with half-closes and UDP from ::1 to an IPv4 address, and nothing when it is released", async () => {
  const servers = spawn("python3", ["-c", SERVERS]);
  await once(servers.stdout, "data");
  const target = { address: parseAddress("127.0.0.9"), port: 80 };
  const places = [any4, { ...any6, proxy: target }];
  const held = await ports.hold([wish(8080, 8080, { places }), wish(8080, 8080, { places, protocol: "udp" })]);
  assert.equal(sh(`python3 -c '${TCP_CLIENT}'`), "got 3000000\n");
  assert.equal(sh(`python3 -c '${UDP_CLIENT}'`), "echo one\necho two\n");
  await ports.release(held);
  assert.throws(() => sh(`python3 -c '${TCP_CLIENT}'`), /refused/i);
  servers.stdin.end();
  await once(servers, "exit");
});
