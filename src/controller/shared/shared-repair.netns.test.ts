/**
 * Two hosts with a network between them, on the real kernel: whatever a hand takes away inside the network's namespace is put back
 * without being asked, what it adds goes, and containers speak to each other again. Judged by `ip -j`, `bridge -j` and ping.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { until } from "../../../test/support/wait.ts";
import { formatMac } from "../../addr/mac-address.ts";
import { MemoryCluster } from "../../cluster/memory/memory-cluster.ts";
import { makeHosts, removeHosts } from "../../drivers/overlay/hosts.fixture.ts";
import { networkNamespaceName } from "../../drivers/overlay/overlay-driver.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { json, linkJson, linkNames, openFds, requirePrivateNamespace, sh, within } from "../../kernel/testing/netns.ts";
import { openKernelThread } from "../../kernel/thread.ts";
import type { SandboxView } from "../cnm.ts";
import { namespaceDirectory } from "../desired.ts";
import { RealHost } from "../testing/real-hosts.ts";

const HOSTS = 2;

let kernel: Kernel;
let one: RealHost;
let other: RealHost;
let c1: SandboxView;
/** The network's, on the first host. */
let namespace: string;

before(async () => {
  requirePrivateNamespace();
  makeHosts(HOSTS);
  kernel = await openKernelThread();
  const store = new MemoryCluster();
  one = await RealHost.open(1, { kernel, client: store.client() });
  other = await RealHost.open(2, { kernel, client: store.client() });
  const shop = await one.controller.createNetwork({ name: "shop", driver: "overlay", internal: true });
  await until("shop is there", () => other.controller.networks().length > 0);
  c1 = await one.run("c1", "shop");
  await other.run("c2", "shop");
  namespace = `${namespaceDirectory(one.directory)}/${networkNamespaceName(shop.id)}`;
  await until("c2 answers", () => pings());
});
after(async () => {
  await one[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
  await kernel[Symbol.asyncDispose]();
  removeHosts(HOSTS);
  assert.deepEqual(linkNames(), []);
});

/** c2, from c1. */
function pings(): boolean {
  const address = other.controller.sandboxes()[0]?.endpoints[0]?.endpoint.addresses[0]?.address.value ?? 0n;
  const text = [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 255n).join(".");
  return spawnSync("nsenter", [`--net=${c1.key}`, "ping", "-q", "-c1", "-W1", text], { timeout: 5000 }).status === 0;
}

function entries(): readonly string[] {
  return json("bridge -j fdb show dev vxlan0", namespace)
    .filter((entry) => "dst" in entry)
    .map(({ mac, dst }) => `${String(mac)} ${String(dst)}`)
    .sort();
}

function neighbours(): readonly string[] {
  return json("ip -j neigh show dev vxlan0", namespace)
    .map(({ dst, lladdr }) => `${String(dst)} ${String(lladdr)}`)
    .sort();
}

const sane = (): boolean =>
  existsSync(namespace) &&
  linkJson("vxlan0", namespace)?.["master"] === "br0" &&
  linkJson("br0", namespace) !== undefined;

test("where all is as intended a look finds nothing to do", async () => {
  assert.equal(await one.controller.repair(), 0);
  assert.equal(await other.controller.repair(), 0);
  assert.deepEqual([one.told, other.told], [[], []]);
});

const inside = (command: string) => (): void => void sh(within(namespace, command));
const MISCHIEF: Readonly<Record<string, () => void>> = {
  "forwarding entries": () => {
    for (const entry of entries()) inside(`bridge fdb del ${entry.replace(" ", " dev vxlan0 dst ")}`)();
  },
  neighbours: inside("ip neigh flush dev vxlan0 nud permanent"),
  "the VXLAN": inside("ip link del vxlan0"),
  "the bridge": inside("ip link del br0"),
  "the VXLAN's port in the bridge": inside("ip link set vxlan0 nomaster"),
  "the bridge's address": inside("ip addr flush dev br0"),
  "the VXLAN's state": inside("ip link set vxlan0 down"),
  "the namespace's file": () => sh(`umount ${namespace}; rm ${namespace}`),
};

for (const [what, harm] of Object.entries(MISCHIEF))
  test(`${what}: taken away by hand and back by itself, with a word in the log`, async () => {
    const [known, met] = [entries(), neighbours()];
    assert.ok(known.length === 1 && met.length === 1);
    const said = one.told.length;
    harm();
    await until("the repair was logged", () => one.told.length > said);
    await until("all is back", () => sane() && pings());
    assert.deepEqual([entries(), neighbours()], [known, met]);
    assert.match(one.told[said] ?? "", /the kernel differs from what is intended; repairing .*"ensure /);
  });

test("a VXLAN with other parameters in the place of ours is made anew", async () => {
  const alias = String(linkJson("vxlan0", namespace)?.["ifalias"]);
  inside("ip link del vxlan0")();
  inside("ip link add vxlan0 type vxlan id 77 dstport 4789")();
  inside(`ip link set vxlan0 alias ${alias} master br0 up`)();
  await until("it is ours again", () => linkJson("vxlan0", namespace)?.["linkinfo.info_data.learning"] === false);
  await until("c2 answers", () => pings());
});

test("entries added by hand go, and are counted", async () => {
  const before = one.controller.drift();
  const [known, met] = [entries(), neighbours()];
  inside("bridge fdb append 02:00:00:00:00:66 dev vxlan0 dst 192.0.2.66 self permanent")();
  inside("bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 192.0.2.66 self permanent")();
  inside("ip neigh add 10.0.0.66 lladdr 02:00:00:00:00:66 dev vxlan0 nud permanent")();
  await until("they are gone", () => entries().join() === known.join() && neighbours().join() === met.join());
  const now = one.controller.drift();
  assert.equal(now.forwarding - before.forwarding, 2);
  assert.equal(now.neighbour - before.neighbour, 1);
});

test("a peer that leads to the wrong host is set right", async () => {
  const known = entries();
  const [mac = ""] = known.map((entry) => entry.split(" ")[0]);
  inside(`bridge fdb replace ${mac} dev vxlan0 dst 192.0.2.99 self permanent`)();
  await until("it leads to the right one", () => entries().join() === known.join());
  assert.ok(pings());
});

test("a container that takes over another's address is spoken to at once, whatever its neighbours remember", async () => {
  assert.ok(pings());
  const [c2] = other.controller.sandboxes();
  const [joined] = c2?.endpoints ?? [];
  const address = joined?.endpoint.addresses[0]?.address;
  assert.ok(c2 && joined?.endpoint.mac && address);
  await other.controller.removeSandbox(c2.id);
  const heir = await other.run("c3", "shop", address);
  const mac = heir.endpoints[0]?.endpoint.mac;
  assert.ok(mac && formatMac(mac) !== formatMac(joined.endpoint.mac));
  await until("c1 knows the new station", () => sh(within(c1.key, "ip neigh show dev eth0")).includes(formatMac(mac)));
  assert.ok(pings());
});

test("watches follow networks that come and go, and hold on to nothing", async () => {
  // A look begins to watch whatever came since the last.
  for (const host of [one, other]) await host.controller.repair();
  const fds = openFds();
  const sandboxes: string[] = [];
  for (let number = 0; number < 5; number++) {
    await one.controller.createNetwork({ name: `n${number}`, driver: "overlay", internal: true });
    sandboxes.push((await one.run(`d${number}`, `n${number}`)).id);
  }
  for (const id of sandboxes) await one.controller.removeSandbox(id);
  await one.controller.repair();
  for (let number = 0; number < 5; number++) await one.controller.removeNetwork(`n${number}`);
  await until("descriptors are closed", () => openFds() <= fds);
});
