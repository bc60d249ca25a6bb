/** The kernel thread: whole sandboxes, idempotence, failures that leave nothing, and its own beginning and end. */
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { parseAddress } from "../addr/ip-address.ts";
import { parseMac } from "../addr/mac-address.ts";
import { parsePrefix } from "../addr/prefix.ts";
import { HOST, type KernelFact, type LinkFact } from "./facts.ts";
import type { Kernel } from "./kernel.ts";
import { KernelError } from "./kernel-error.ts";
import { planChange, planRepair, sysctlKeys } from "./plan.ts";
import {
  ensure,
  json,
  linkJson,
  linkNames,
  openFds,
  remove,
  requirePrivateNamespace,
  sh,
  until,
} from "./testing/netns.ts";
import { openKernelThread } from "./thread.ts";

const DIRECTORY = "/run/causeway/netns";
const NS = `${DIRECTORY}/abc`;

const bridge: LinkFact = {
  kind: "link",
  namespace: HOST,
  name: "br-1",
  device: { type: "bridge" },
  mac: parseMac("02:42:00:00:00:01"),
  up: true,
  alias: "causeway:n1",
};
const veth: LinkFact = {
  kind: "link",
  namespace: HOST,
  name: "veth1",
  device: {
    type: "veth",
    peer: { namespace: NS, name: "eth0", mac: parseMac("02:42:ac:12:00:02"), mtu: 1400, up: true },
  },
  mtu: 1400,
  master: "br-1",
  hairpin: true,
  up: true,
  alias: "causeway:e1",
};
const sandbox: readonly KernelFact[] = [
  { kind: "namespace", path: NS },
  { kind: "sysctl", namespace: HOST, key: "net/ipv4/ip_forward", value: "1" },
  bridge,
  { kind: "address", namespace: HOST, link: "br-1", address: parsePrefix("172.18.0.1/16") },
  { kind: "link", namespace: NS, name: "lo", device: { type: "loopback" }, up: true },
  veth,
  { kind: "address", namespace: NS, link: "eth0", address: parsePrefix("172.18.0.2/16") },
  { kind: "address", namespace: NS, link: "eth0", address: parsePrefix("fd00::2/64") },
  {
    kind: "neighbour",
    namespace: NS,
    link: "eth0",
    address: parseAddress("172.18.0.9"),
    mac: parseMac("02:00:00:00:00:09"),
  },
  {
    kind: "route",
    namespace: NS,
    link: "eth0",
    destination: parsePrefix("0.0.0.0/0"),
    gateway: parseAddress("172.18.0.1"),
  },
];

let kernel: Kernel;
before(async () => {
  requirePrivateNamespace();
  kernel = await openKernelThread();
});
after(async () => {
  await kernel[Symbol.asyncDispose]();
  assert.deepEqual(linkNames(), []);
});

function hasErrno(code: string, pattern: RegExp, completed = 0): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof KernelError, String(error));
    assert.deepEqual([error.code, error.completed], [code, completed], error.message);
    assert.match(error.message, pattern);
    return true;
  };
}

test("a whole sandbox is made in one call, and its removal leaves no link, mount, file or descriptor", async () => {
  await kernel.apply(ensure(...sandbox));
  await kernel.apply(remove(...sandbox));
  const fds = openFds();
  const mounts = sh("cat /proc/self/mounts");

  await kernel.apply(planChange([], sandbox));
  await until("the port has a carrier", () => linkJson("veth1")?.["operstate"] === "UP");
  const port = linkJson("veth1");
  assert.ok(port);
  const { mtu, master, ifalias, operstate } = port;
  assert.deepEqual(
    { mtu, master, ifalias, operstate },
    { mtu: 1400, master: "br-1", ifalias: "causeway:e1", operstate: "UP" },
  );
  assert.equal(port["linkinfo.info_slave_data.hairpin"], true);
  const [eth0] = json("ip -j addr show dev eth0", NS);
  assert.equal(eth0?.["address"], "02:42:ac:12:00:02");
  const addresses = sh(`nsenter --net=${NS} ip -o addr show dev eth0`);
  assert.match(addresses, /inet 172\.18\.0\.2\/16 brd 172\.18\.255\.255 scope global eth0/);
  assert.match(addresses, /inet6 fd00::2\/64 scope global nodad/);
  assert.match(sh(`nsenter --net=${NS} ip route`), /^default via 172\.18\.0\.1 dev eth0 \n/);
  assert.match(sh(`nsenter --net=${NS} ip neigh`), /172\.18\.0\.9 dev eth0 lladdr 02:00:00:00:00:09 PERMANENT/);
  assert.match(sh("bridge -d link show dev veth1"), /master br-1 state forwarding/);
  assert.match(sh(`nsenter --net=${NS} ping -c1 -W2 172.18.0.1`), /1 received/);
  assert.equal(sh("cat /proc/sys/net/ipv4/ip_forward"), "1\n");

  await kernel.apply(planChange(sandbox, []));
  assert.deepEqual(linkNames(), []);
  assert.ok(!existsSync(NS));
  assert.equal(sh("cat /proc/self/mounts"), mounts);
  assert.equal(openFds(), fds);
});

test("what is asked for twice is done once", async () => {
  // Carrier and link-local addresses come in their own time.
  const lasting = ["ifindex", "ifname", "address", "mtu", "master", "ifalias"];
  const look = (): unknown => [
    [HOST, NS].map((namespace) => json("ip -j link", namespace).map((link) => lasting.map((key) => link[key]))),
    sh("ip -o addr show scope global; ip -4 route | sed 's/ linkdown//'"),
    sh(`nsenter --net=${NS} sh -c "ip -o addr show scope global; ip -4 route | sed 's/ linkdown//'"`),
  ];
  await kernel.apply(ensure(...sandbox));
  const seen = look();
  await kernel.apply(ensure(...sandbox));
  assert.deepEqual(look(), seen);
  await kernel.apply(remove(...sandbox));
  await kernel.apply(remove(...sandbox));
});

test("after a repair there is nothing to repair", async () => {
  const look = () =>
    Promise.all([HOST, NS].map((namespace) => kernel.observe(namespace, sysctlKeys(sandbox, namespace))));
  await kernel.apply(ensure(...sandbox));
  assert.deepEqual(planRepair(sandbox, await look(), DIRECTORY), []);
  sh(
    "ip link set veth1 nomaster; ip addr flush dev br-1; ip link add stray type bridge; ip link set stray alias causeway:s",
  );
  sh(
    `nsenter --net=${NS} sh -c "ip link set eth0 mtu 1300; ip route del default; ip neigh flush dev eth0 nud permanent"`,
  );
  const steps = planRepair(sandbox, await look(), DIRECTORY);
  assert.ok(
    steps.length >= 5,
    JSON.stringify(steps, (_, value) => (typeof value === "bigint" ? String(value) : value)),
  );
  await kernel.apply(steps);
  assert.deepEqual(planRepair(sandbox, await look(), DIRECTORY), []);
  assert.equal(linkJson("stray"), undefined);
  assert.equal(linkJson("eth0", NS)?.["mtu"], 1400);
  await kernel.apply(planChange(sandbox, []));
});

test("a step that fails says what, why and how many went before it", async () => {
  const orphan = { ...veth, master: "br-9" };
  const steps = ensure({ kind: "namespace", path: NS }, bridge, orphan, ...sandbox);
  await assert.rejects(kernel.apply(steps), hasErrno("ENODEV", /create link veth1: there is no link br-9/, 2));
  assert.deepEqual(linkNames(), ["br-1"]);
  assert.deepEqual(linkNames(NS), []);
  await kernel.apply(remove({ kind: "namespace", path: NS }, bridge));
});

test("the kernel's own sentence is in the error", async () => {
  await assert.rejects(
    kernel.apply(ensure({ ...bridge, mtu: 1_000_000 })),
    hasErrno("EINVAL", /mtu greater than device maximum/),
  );
  assert.deepEqual(linkNames(), []);
});

test("a link that cannot be marked is not left behind", async () => {
  const alias = `causeway:${"x".repeat(300)}`;
  await assert.rejects(kernel.apply(ensure({ ...bridge, alias })), hasErrno("ERANGE", /mark link br-1/));
  assert.deepEqual(linkNames(), []);
});

test("a missing namespace fails every call by name and makes nothing", async () => {
  const gone = `${DIRECTORY}/gone`;
  const peer = { namespace: gone, name: "eth0", up: true };
  const into = { ...veth, device: { type: "veth", peer } } as const;
  await kernel.apply(ensure(bridge));
  for (const call of [
    kernel.apply(ensure(into)),
    kernel.observe(gone),
    kernel.watch(gone, () => undefined),
    kernel.openSockets(gone, []),
    kernel.readSysctl(gone, "net/ipv4/ip_forward"),
    kernel.run(gone, ["true"]),
  ]) {
    await assert.rejects(call, hasErrno("ENOENT", new RegExp(`enter namespace ${gone}`)));
  }
  assert.deepEqual(linkNames(), ["br-1"]);
  await kernel.apply(remove(into, bridge));
});

test("applyAll goes on past failures and reports all of them", async () => {
  sh("ip link add foreign type bridge");
  const address: KernelFact = { kind: "address", namespace: HOST, link: "nope", address: parsePrefix("10.0.0.1/8") };
  const steps = ensure({ ...bridge, name: "foreign" }, address, bridge);
  await assert.rejects(kernel.applyAll(steps), (error) => {
    assert.ok(error instanceof AggregateError);
    const errors: readonly unknown[] = error.errors;
    assert.deepEqual(
      errors.map((each) => each instanceof KernelError && [each.code, each.completed]),
      [
        ["EEXIST", 0],
        ["ENODEV", 1],
      ],
    );
    return true;
  });
  assert.deepEqual(linkNames(), ["foreign", "br-1"]);
  await kernel.applyAll(remove(bridge));
  sh("ip link del foreign");
});

test("a namespace's file that lost its mount is used again, and its directory is closed to others", async () => {
  mkdirSync(DIRECTORY, { recursive: true });
  writeFileSync(NS, "");
  const fact: KernelFact = { kind: "namespace", path: NS };
  await kernel.apply(ensure(fact));
  assert.deepEqual(linkNames(NS), []);
  await kernel.apply(remove(fact));
  const deep = "/run/causeway/other/dir/ns";
  await kernel.apply(ensure({ kind: "namespace", path: deep }));
  assert.equal(statSync("/run/causeway/other/dir").mode & 0o777, 0o700);
  await kernel.apply(remove({ kind: "namespace", path: deep }));
  writeFileSync(NS, "");
  await kernel.apply(remove(fact));
  assert.ok(!existsSync(NS));
});

test("a namespace that cannot be kept fails and leaves no file", async () => {
  mkdirSync("/run/ro", { recursive: true });
  sh("mount -t tmpfs -o ro tmpfs /run/ro");
  const fact: KernelFact = { kind: "namespace", path: "/run/ro/ns" };
  await assert.rejects(kernel.apply(ensure(fact)), hasErrno("EROFS", /create namespace file \/run\/ro\/ns/));
  sh("umount /run/ro");
});

test("a removed namespace dies although it was watched", async () => {
  await kernel.apply(ensure({ kind: "namespace", path: NS }, bridge, veth));
  let changes = 0;
  const unwatch = await kernel.watch(NS, () => changes++);
  await kernel.apply(remove({ kind: "namespace", path: NS }));
  await until("the peer goes with its namespace", () => !linkNames().includes("veth1"));
  assert.ok(changes > 0);
  await unwatch();
  await kernel.apply(remove(bridge));
});

test("a removed namespace dies although another mount namespace has a copy of its mount", async () => {
  await kernel.apply(ensure({ kind: "namespace", path: NS }, bridge, veth));
  const holder = spawn("unshare", ["--mount", "--propagation", "private", "sleep", "60"], { stdio: "ignore" });
  try {
    const copies = (): string => readFileSync(`/proc/${holder.pid}/mounts`, "utf8");
    const own = sh("readlink /proc/self/ns/mnt");
    await until("it has mounts of its own", () => sh(`readlink /proc/${holder.pid}/ns/mnt`) !== own);
    assert.ok(copies().includes(NS));
    await kernel.apply(remove({ kind: "namespace", path: NS }));
    await until("the peer goes with its namespace", () => !linkNames().includes("veth1"));
    assert.ok(!copies().includes(NS));
  } finally {
    holder.kill();
  }
  await kernel.apply(remove(bridge));
});

test("a thread that cannot come home ends instead of staying abroad", async () => {
  await kernel.apply(ensure({ kind: "namespace", path: NS }));
  const program = `import { closeSync } from "node:fs";
    import { Namespaces } from ${JSON.stringify(new URL("./system/namespace.ts", import.meta.url).href)};
    const namespaces = new Namespaces((reason) => { console.log(reason); process.exit(7); });
    closeSync(namespaces.homeFd);
    namespaces.inside(${JSON.stringify(NS)}, () => 1);
    console.log("went on");`;
  const result = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  assert.equal(result.status, 7);
  assert.match(result.stdout, /^cannot return to the daemon's network namespace: enter namespace: (EBADF|EINVAL)\n$/);
  await kernel.apply(remove({ kind: "namespace", path: NS }));
});

test("closing answers what was asked before, refuses what comes after, and leaves no descriptor", async () => {
  const fds = openFds();
  const other = await openKernelThread();
  await other.watch(HOST, () => undefined);
  const running = other.run(HOST, ["sleep", "0.2"]);
  const closing = other[Symbol.asyncDispose]();
  await assert.rejects(other.observe(HOST), /use the kernel thread: it is closed/);
  assert.equal((await running).exitCode, 0);
  await closing;
  await other[Symbol.asyncDispose]();
  await until("descriptors are closed", () => openFds() <= fds);
});

test("a process may end with an idle kernel open", () => {
  const program = `import { openKernelThread } from ${JSON.stringify(new URL("./thread.ts", import.meta.url).href)};
    const kernel = await openKernelThread(); await kernel.watch("host", () => undefined); console.log("open");`;
  const result = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    encoding: "utf8",
    timeout: 10_000,
  });
  assert.deepEqual([result.status, result.stdout, result.stderr], [0, "open\n", ""]);
});

test("without rights the kernel's refusal is the error", () => {
  const program = `import { openKernelThread } from ${JSON.stringify(new URL("./thread.ts", import.meta.url).href)};
    await using kernel = await openKernelThread();
    const fact = { kind: "link", namespace: "host", name: "br-9", device: { type: "bridge" }, up: true, alias: "causeway:x" };
    await kernel.apply([{ action: "ensure", fact }]).catch((error) => console.log(error.message));`;
  const node = [process.execPath, "--input-type=module", "-e", program];
  const printed = execFileSync("setpriv", ["--bounding-set=-all", "--inh-caps=-all", ...node], { encoding: "utf8" });
  assert.equal(printed, "create link br-9: EPERM\n");
});
