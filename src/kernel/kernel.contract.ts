/** What every `Kernel` promises, the real one and the fake, as a suite over whatever the harness opens. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { parseAddress } from "../addr/ip-address.ts";
import { parseMac } from "../addr/mac-address.ts";
import { parsePrefix } from "../addr/prefix.ts";
import { HOST, type AddressFact, type KernelFact, type LinkFact } from "./facts.ts";
import type { Kernel } from "./kernel.ts";
import { KernelError } from "./kernel-error.ts";
import { planChange, planRepair, sysctlKeys } from "./plan.ts";
import type { Step } from "./step.ts";

export interface KernelHarness {
  open(): Promise<Kernel>;
  /** Somebody else makes a link of that name in the daemon's namespace, to be moved. */
  addForeignLink(kernel: Kernel, name: string): void;
  removeForeignLink(kernel: Kernel, name: string): void;
  /** Somebody else makes or removes a bridge of that name in the daemon's namespace. */
  addForeignBridge(kernel: Kernel, name: string): void;
  removeForeignBridge(kernel: Kernel, name: string): void;
}

const NS = "/run/causeway/netns/contract";
const namespace: KernelFact = { kind: "namespace", path: NS };
const bridge: LinkFact = {
  kind: "link",
  namespace: HOST,
  name: "br-c",
  device: { type: "bridge" },
  mtu: 1500,
  up: true,
  alias: "causeway:n",
};
const veth: LinkFact = {
  kind: "link",
  namespace: HOST,
  name: "veth-c",
  device: { type: "veth", peer: { namespace: NS, name: "eth0", mac: parseMac("02:42:0a:01:00:02"), up: true } },
  master: "br-c",
  up: true,
  alias: "causeway:e",
};
const address: AddressFact = { kind: "address", namespace: NS, link: "eth0", address: parsePrefix("10.1.0.2/16") };
const sandbox: readonly KernelFact[] = [
  namespace,
  { kind: "sysctl", namespace: HOST, key: "net/ipv4/ip_forward", value: "1" },
  bridge,
  { kind: "address", namespace: HOST, link: "br-c", address: parsePrefix("10.1.0.1/16") },
  veth,
  address,
  {
    kind: "neighbour",
    namespace: NS,
    link: "eth0",
    address: parseAddress("10.1.0.9"),
    mac: parseMac("02:00:00:00:00:09"),
  },
  {
    kind: "route",
    namespace: NS,
    link: "eth0",
    destination: parsePrefix("0.0.0.0/0"),
    gateway: parseAddress("10.1.0.1"),
  },
];

const ensure = (...facts: readonly KernelFact[]): Step[] => facts.map((fact) => ({ action: "ensure", fact }));
const remove = (...facts: readonly KernelFact[]): Step[] => facts.map((fact) => ({ action: "remove", fact }));

export function kernelContract(harness: KernelHarness): void {
  let kernel: Kernel;
  const names = async (): Promise<string[]> => {
    const { links } = await kernel.observe(HOST);
    return links.map(({ name }) => name).filter((name) => name !== "lo");
  };
  const missing = async (): Promise<readonly Step[]> => {
    const looks = [HOST, NS].map((where) => kernel.observe(where, sysctlKeys(sandbox, where)));
    return planRepair(sandbox, await Promise.all(looks));
  };
  const refuses = (code: string, completed: number) => (error: unknown) =>
    error instanceof KernelError && error.code === code && error.completed === completed && error.operation !== "";

  beforeEach(async () => {
    kernel = await harness.open();
  });
  afterEach(async () => {
    assert.deepEqual(await names(), [], "links left over");
    await assert.rejects(kernel.observe(NS), refuses("ENOENT", 0), "namespace left over");
    await kernel[Symbol.asyncDispose]();
  });

  test("what was ensured is observed, also when it was ensured twice, and what was removed is gone", async () => {
    await kernel.apply(planChange([], sandbox));
    assert.deepEqual(await missing(), []);
    await kernel.apply(planChange([], sandbox));
    assert.deepEqual(await missing(), []);
    await kernel.apply(planChange(sandbox, []));
    await kernel.apply(planChange(sandbox, []));
  });

  test("apply stops at the first failure and says how many steps succeeded", async () => {
    const steps = ensure(namespace, veth, bridge);
    await assert.rejects(kernel.apply(steps), refuses("ENODEV", 1));
    assert.deepEqual(await names(), []);
    await kernel.apply(remove(bridge, veth, namespace));
  });

  test("applyAll goes on and tells all failures", async () => {
    const steps = ensure(namespace, address, bridge, { ...address, link: "eth7" });
    await assert.rejects(kernel.applyAll(steps), (error) => {
      assert.ok(error instanceof AggregateError);
      const errors: readonly unknown[] = error.errors;
      assert.ok(errors.every((each) => each instanceof KernelError && each.code === "ENODEV"));
      assert.equal(errors.length, 2);
      return true;
    });
    assert.deepEqual(await names(), ["br-c"]);
    await kernel.applyAll(remove(bridge, namespace));
  });

  test("what is in a namespace that is not there is an error to ensure and none to remove", async () => {
    await assert.rejects(kernel.apply(ensure({ ...bridge, namespace: NS })), refuses("ENOENT", 0));
    await kernel.apply(remove(address, { ...bridge, namespace: NS }, namespace));
  });

  test("another's link of the same name is refused and not removed", async () => {
    harness.addForeignBridge(kernel, "br-c");
    await assert.rejects(kernel.apply(ensure(bridge)), refuses("EEXIST", 0));
    await kernel.apply(remove(bridge));
    assert.deepEqual(await names(), ["br-c"]);
    harness.removeForeignBridge(kernel, "br-c");
  });

  test("another's link that is adopted is used, and stays", async () => {
    harness.addForeignBridge(kernel, "br-c");
    await kernel.apply(planChange([], [{ ...bridge, adopt: true }, namespace, veth]));
    await kernel.apply(planChange([{ ...bridge, adopt: true }, namespace, veth], []));
    assert.deepEqual(await names(), ["br-c"]);
    harness.removeForeignBridge(kernel, "br-c");
  });

  test("a link that we marked for something else is ours still", async () => {
    await kernel.apply(ensure({ ...bridge, alias: "causeway:old" }));
    await kernel.apply(ensure(bridge));
    const { links } = await kernel.observe(HOST);
    assert.equal(links.find(({ name }) => name === "br-c")?.alias, "causeway:n");
    await kernel.apply(remove({ ...bridge, alias: "causeway:other" }));
  });

  test("with a veth goes all that stood on its peer, with a bridge the membership of its ports", async () => {
    await kernel.apply(planChange([], sandbox));
    await kernel.apply(remove(veth));
    const { links, addresses, neighbours, routes } = await kernel.observe(NS);
    const onPeer = [...addresses, ...neighbours, ...routes].filter(({ link }) => link === "eth0");
    assert.deepEqual([links.some(({ name }) => name === "eth0"), onPeer], [false, []]);
    await kernel.apply(ensure(veth));
    await kernel.apply(remove(bridge));
    const port = (await kernel.observe(HOST)).links.find(({ name }) => name === "veth-c");
    assert.ok(port !== undefined && port.master === undefined);
    await kernel.apply(planChange(sandbox, []));
  });

  const moved: LinkFact = {
    kind: "link",
    namespace: NS,
    name: "eth0",
    device: { type: "moved", from: "theirs", maker: "plugin p" },
    mac: parseMac("02:42:0a:01:00:02"),
    up: true,
    alias: "causeway:e",
  };
  const inside = [namespace, moved, address] as const;

  test("another's link is moved in under its new name and out under its old one", async () => {
    harness.addForeignLink(kernel, "theirs");
    await kernel.apply(planChange([], inside));
    await kernel.apply(planChange([], inside));
    assert.deepEqual(await names(), []);
    const seen = await kernel.observe(NS);
    assert.deepEqual(planRepair(inside, [seen]), []);
    const link = seen.links.find(({ name }) => name === "eth0");
    assert.deepEqual([link?.up, link?.mac], [true, moved.mac]);
    await kernel.apply(planChange(inside, [namespace]));
    assert.deepEqual(await names(), ["theirs"]);
    await kernel.apply(planChange([namespace], [...inside]));
    await kernel.apply(planChange(inside, []));
    await kernel.apply(planChange(inside, []));
    assert.deepEqual(await names(), ["theirs"], "its namespace ended, and it went home");
    harness.removeForeignLink(kernel, "theirs");
  });

  test("a link to be moved that is not there is an error that names its maker", async () => {
    await assert.rejects(kernel.apply(planChange([], inside)), (error) => {
      return refuses("ENODEV", 1)(error) && /no link theirs.*plugin p/.test(String(error));
    });
    await kernel.apply(remove(moved, namespace));
  });

  test("a watch speaks after what others change, until it is ended", async () => {
    let changes = 0;
    const { promise: heardOnce, resolve: hear } = Promise.withResolvers<boolean>();
    const end = await kernel.watch(HOST, () => {
      changes++;
      hear(true);
    });
    harness.addForeignBridge(kernel, "br-w");
    assert.ok(await Promise.race([heardOnce, delay(5_000, false, { ref: false })]), "not within 5 s");
    await end();
    const heard = changes;
    harness.removeForeignBridge(kernel, "br-w");
    await delay(120);
    assert.equal(changes, heard);
  });
}
