/** planChange: examples of order, and properties over random states carried out on a strict model of the kernel. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseAddress } from "../../addr/ip-address.ts";
import { parseMac } from "../../addr/mac-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import { HOST, type KernelFact, type LinkFact } from "../facts.ts";
import type { Step } from "../step.ts";
import { factKey, linkKey, namespaceKey } from "./fact-key.ts";
import { ModelKernel } from "./model-kernel.ts";
import { planChange } from "./plan-change.ts";

const NS = "/run/ns/a";
const bridge: LinkFact = {
  kind: "link",
  namespace: HOST,
  name: "br-1",
  device: { type: "bridge" },
  up: true,
  alias: "causeway:n1",
};
const namespace: KernelFact = { kind: "namespace", path: NS };
const veth: LinkFact = {
  kind: "link",
  namespace: HOST,
  name: "veth1",
  device: { type: "veth", peer: { namespace: NS, name: "eth0", up: true } },
  master: "br-1",
  up: true,
  alias: "causeway:e1",
};
const address: KernelFact = {
  kind: "address",
  namespace: NS,
  link: "eth0",
  address: parsePrefix("172.18.0.2/16"),
};
const route: KernelFact = {
  kind: "route",
  namespace: NS,
  link: "eth0",
  destination: parsePrefix("0.0.0.0/0"),
  gateway: parseAddress("172.18.0.1"),
};
const bridgeAddress: KernelFact = {
  kind: "address",
  namespace: HOST,
  link: "br-1",
  address: parsePrefix("172.18.0.1/16"),
};
const forwardingOn: KernelFact = { kind: "sysctl", namespace: HOST, key: "net/ipv4/ip_forward", value: "1" };
const portSysctl: KernelFact = {
  kind: "sysctl",
  namespace: NS,
  key: "net/ipv6/conf/eth0/disable_ipv6",
  value: "1",
};
const all = [route, portSysctl, address, veth, bridgeAddress, bridge, forwardingOn, namespace];

const told = (steps: readonly Step[]): string[] => steps.map(({ action, fact }) => `${action} ${factKey(fact)}`);

test("what is needed comes first", () => {
  assert.deepEqual(told(planChange([], all)), [
    `ensure namespace ${NS}`,
    "ensure sysctl host net/ipv4/ip_forward",
    "ensure link host br-1",
    "ensure link host veth1",
    `ensure sysctl ${NS} net/ipv6/conf/eth0/disable_ipv6`,
    `ensure address ${NS} eth0 172.18.0.2/16`,
    "ensure address host br-1 172.18.0.1/16",
    `ensure route ${NS} 0.0.0.0/0`,
  ]);
});

test("what ends with a removed link or namespace has no step, and sysctls stay", () => {
  assert.deepEqual(told(planChange(all, [])), [
    "remove link host veth1",
    "remove link host br-1",
    `remove namespace ${NS}`,
  ]);
});

test("an adopted link's address is removed by a step of its own", () => {
  const adopted = { ...bridge, adopt: true };
  assert.deepEqual(told(planChange([adopted, bridgeAddress], [])), [
    "remove address host br-1 172.18.0.1/16",
    "remove link host br-1",
  ]);
});

test("a sysctl that says how is undone, unless its link goes", () => {
  const route = {
    kind: "sysctl",
    namespace: HOST,
    key: "net/ipv4/conf/br-1/route_localnet",
    value: "1",
    undo: "0",
  } as const;
  const adopted = { ...bridge, adopt: true };
  const values = (steps: readonly Step[]): string[] =>
    steps.flatMap(({ action, fact }) => (fact.kind === "sysctl" ? [`${action} ${fact.value}`] : []));
  assert.deepEqual(values(planChange([adopted, route], [adopted])), ["ensure 0"]);
  assert.deepEqual(values(planChange([adopted, route], [])), ["ensure 0"]);
  assert.deepEqual(values(planChange([bridge, route], [])), []);
});

test("an address that stays has no step", () => {
  assert.deepEqual(
    told(
      planChange(
        [
          { ...bridge, adopt: true },
          { ...bridgeAddress, stays: true },
        ],
        [],
      ),
    ),
    ["remove link host br-1"],
  );
});

test("a veth that moves to another namespace is removed first, and all on it is made again", () => {
  const other = { kind: "namespace", path: "/run/ns/b" } as const;
  const moved: LinkFact = {
    ...veth,
    device: { type: "veth", peer: { namespace: other.path, name: "eth0", up: true } },
  };
  const steps = told(planChange([bridge, namespace, other, veth], [bridge, namespace, other, moved]));
  assert.deepEqual(steps, ["remove link host veth1", "ensure link host veth1"]);
});

test("a new MTU is one step, and what stands on the link is looked at again", () => {
  const before = [bridge, bridgeAddress];
  assert.deepEqual(told(planChange(before, [{ ...bridge, mtu: 1400 }, bridgeAddress])), [
    "ensure link host br-1",
    "ensure address host br-1 172.18.0.1/16",
  ]);
});

test("a link in the place of another waits until that is gone", () => {
  const heir: LinkFact = { ...veth, name: "veth2", alias: "causeway:e2" };
  const common = [bridge, namespace, address, route];
  assert.deepEqual(told(planChange([...common, veth], [...common, heir])), [
    "remove link host veth1",
    "ensure link host veth2",
    `ensure address ${NS} eth0 172.18.0.2/16`,
    `ensure route ${NS} 0.0.0.0/0`,
  ]);
});

test("a link that becomes one of another kind loses its ports and gets them back", () => {
  const vxlan: LinkFact = {
    ...bridge,
    device: { type: "vxlan", vni: 7, port: 4789, learning: true },
  };
  const steps = told(planChange([vxlan, namespace], [bridge, namespace, veth]));
  assert.deepEqual(steps, ["remove link host br-1", "ensure link host br-1", "ensure link host veth1"]);
});

const endpoint = fc.record({
  slot: fc.integer({ min: 0, max: 3 }),
  bridge: fc.integer({ min: 0, max: 1 }),
  sandbox: fc.integer({ min: 0, max: 2 }),
  peer: fc.integer({ min: 0, max: 1 }),
  host: fc.integer({ min: 2, max: 4 }),
  mtu: fc.constantFrom(1400, 1500),
  neighbour: fc.boolean(),
  gateway: fc.boolean(),
});

/** A consistent state: bridges, sandboxes and endpoints of which none takes another's place. */
const state = fc
  .record({
    endpoints: fc.array(endpoint, { maxLength: 6 }),
    mac: fc.option(fc.constantFrom("02:00:00:00:00:01", "02:00:00:00:00:02")),
    subnet: fc.constantFrom("10.1.0.1/16", "10.1.0.9/16"),
    forward: fc.constantFrom("0", "1"),
  })
  .map(({ endpoints, mac, subnet, forward }) => {
    const facts = new Map<string, KernelFact>();
    const put = (...added: KernelFact[]): void => added.forEach((fact) => void facts.set(factKey(fact), fact));
    put({ ...forwardingOn, value: forward });
    const taken = new Set<string>();
    for (const { slot, sandbox, peer, ...rest } of endpoints) {
      const path = `/run/ns/${sandbox}`;
      const link = `eth${peer}`;
      const name = `veth${slot}`;
      if (taken.has(linkKey(path, link)) || taken.has(linkKey(HOST, name))) continue;
      taken.add(linkKey(path, link)).add(linkKey(HOST, name));
      const master = `br-${rest.bridge}`;
      put({ kind: "namespace", path });
      put({ ...bridge, name: master, ...(mac === null ? {} : { mac: parseMac(mac) }) });
      put({ kind: "address", namespace: HOST, link: master, address: parsePrefix(subnet) });
      const device = { type: "veth", peer: { namespace: path, name: link, mtu: rest.mtu, up: true } } as const;
      put({ ...veth, name, master, device, mtu: rest.mtu });
      put({ kind: "address", namespace: path, link, address: parsePrefix(`10.1.0.${rest.host}/16`) });
      const lladdr = parseMac("02:00:00:00:00:33");
      if (rest.neighbour) {
        put({ kind: "neighbour", namespace: path, link, address: parseAddress("10.1.0.77"), mac: lladdr });
      }
      if (rest.gateway) put({ ...route, namespace: path, link });
    }
    return [...facts.values()];
  });

test("from a state to itself there is nothing to do", () => {
  fc.assert(fc.property(state, (facts) => planChange(facts, structuredClone(facts)).length === 0));
});

test("carried out on a strict model, the steps lead from any state to any other", () => {
  const property = fc.property(state, state, (before, after) => {
    const kernel = new ModelKernel();
    kernel.apply(planChange([], before));
    assert.deepEqual(kernel.facts(), new Map(before.map((fact) => [factKey(fact), fact])));
    kernel.apply(planChange(before, after));
    assert.deepEqual(kernel.facts(), new Map(after.map((fact) => [factKey(fact), fact])));
  });
  fc.assert(property, { numRuns: 500 });
});

test("facts that both sides share by identity are planned as if they did not", () => {
  const entry = fc.record({ host: fc.integer({ min: 1, max: 4 }), station: fc.integer({ min: 1, max: 3 }) });
  const entries = fc.array(entry, { maxLength: 8 }).map((made) =>
    made.map(({ host, station }): KernelFact => ({
      kind: "neighbour",
      namespace: HOST,
      link: "br-1",
      address: parseAddress(`10.1.0.${host}`),
      mac: parseMac(`02:00:00:00:00:0${station}`),
    })),
  );
  const property = fc.property(
    state,
    state,
    fc.tuple(entries, entries, entries),
    fc.boolean(),
    (one, other, more, same) => {
      const [common, old, fresh] = more;
      const before = [...one, ...common, ...old];
      const after = [...(same ? one : other), ...fresh, ...common];
      assert.deepEqual(planChange(before, after), planChange(structuredClone(before), after));
    },
  );
  fc.assert(property, { numRuns: 1000 });
});

test("steps taken back lead to where they began", () => {
  const property = fc.property(state, state, fc.nat(), (before, after, cut) => {
    const kernel = new ModelKernel();
    kernel.apply(planChange([], before));
    const steps = planChange(before, after);
    kernel.apply(steps.slice(0, cut % (steps.length + 1)));
    kernel.apply(planChange(after, before), { absenceAllowed: true });
    for (const fact of before) assert.ok(kernel.facts().has(factKey(fact)), `${factKey(fact)} is missing`);
  });
  fc.assert(property, { numRuns: 500 });
});

test("a namespace's key differs from a link's", () => {
  assert.notEqual(namespaceKey("x"), linkKey(HOST, "x"));
});
