/** planRepair: what holds is left alone, what is missing or wrong is made, what is ours and unwanted goes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseAddress } from "../../addr/ip-address.ts";
import { parseMac } from "../../addr/mac-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import { HOST, type KernelFact, type LinkFact } from "../facts.ts";
import type { LinkStatistics, Observation, ObservedLink } from "../observation.ts";
import type { Step } from "../step.ts";
import { factKey } from "./fact-key.ts";
import { planRepair, sysctlKeys } from "./plan-repair.ts";

const NS = "/run/causeway/netns/a";
const mac = parseMac("02:42:ac:12:00:02");
const bridge: LinkFact = {
  kind: "link",
  namespace: HOST,
  name: "br-1",
  device: { type: "bridge" },
  mtu: 1500,
  up: true,
  alias: "causeway:n1",
};
const veth: LinkFact = {
  kind: "link",
  namespace: HOST,
  name: "veth1",
  device: { type: "veth", peer: { namespace: NS, name: "eth0", mac, up: true } },
  master: "br-1",
  up: true,
  alias: "causeway:e1",
};
const vxlan: LinkFact = {
  kind: "link",
  namespace: HOST,
  name: "vx-1",
  device: { type: "vxlan", vni: 7, port: 4789, learning: true },
  up: true,
  alias: "causeway:v1",
};
const onPeer = { namespace: NS, link: "eth0" };
const desired: readonly KernelFact[] = [
  { kind: "namespace", path: NS },
  bridge,
  veth,
  vxlan,
  { kind: "address", ...onPeer, address: parsePrefix("172.18.0.2/16") },
  {
    kind: "route",
    ...onPeer,
    destination: parsePrefix("0.0.0.0/0"),
    gateway: parseAddress("172.18.0.1"),
  },
  { kind: "neighbour", ...onPeer, address: parseAddress("172.18.0.9"), mac },
  { kind: "forwarding", namespace: HOST, link: "vx-1", mac, destination: parseAddress("192.0.2.1") },
  { kind: "sysctl", namespace: HOST, key: "net/ipv4/ip_forward", value: "1" },
];

const NONE: LinkStatistics = {
  rxBytes: 0n,
  rxPackets: 0n,
  rxErrors: 0n,
  rxDropped: 0n,
  txBytes: 0n,
  txPackets: 0n,
  txErrors: 0n,
  txDropped: 0n,
};
const link = (name: string, type: string, extra: Partial<ObservedLink> = {}): ObservedLink => ({
  index: 9,
  name,
  type,
  mtu: 1500,
  up: true,
  statistics: NONE,
  ...extra,
});

const host: Observation = {
  namespace: HOST,
  links: [
    link("lo", "", { mtu: 65536 }),
    link("wlan0", ""),
    link("br-1", "bridge", { alias: "causeway:n1" }),
    link("veth1", "veth", { alias: "causeway:e1", master: "br-1", hairpin: false }),
    link("vx-1", "vxlan", {
      alias: "causeway:v1",
      vxlan: { vni: 7, port: 4789, learning: true, proxy: false, isAcross: false },
    }),
    link("docker0", "bridge"),
    link("virbr0", "bridge", { alias: "of somebody else" }),
  ],
  addresses: [],
  routes: [],
  neighbours: [],
  forwarding: [{ link: "vx-1", mac, destination: parseAddress("192.0.2.1"), permanent: true }],
  sysctls: { "net/ipv4/ip_forward": "1" },
};
const sandbox: Observation = {
  namespace: NS,
  links: [link("lo", ""), link("eth0", "veth", { mac })],
  addresses: [{ link: "eth0", address: parsePrefix("172.18.0.2/16") }],
  routes: [
    {
      link: "eth0",
      destination: parsePrefix("0.0.0.0/0"),
      gateway: parseAddress("172.18.0.1"),
      onLink: false,
    },
  ],
  neighbours: [{ link: "eth0", address: parseAddress("172.18.0.9"), mac, permanent: true }],
  forwarding: [],
  sysctls: {},
};

const told = (steps: readonly Step[]): string[] => steps.map(({ action, fact }) => `${action} ${factKey(fact)}`);
const repair = (changed: { host?: Partial<Observation>; sandbox?: Partial<Observation> }): string[] =>
  told(
    planRepair(
      desired,
      [
        { ...host, ...changed.host },
        { ...sandbox, ...changed.sandbox },
      ],
      "/run/causeway/netns",
    ),
  );
const without = (name: string): readonly ObservedLink[] => host.links.filter((seen) => seen.name !== name);

test("when all holds there is nothing to do, whatever else there is", () => {
  assert.deepEqual(repair({}), []);
});

test("a missing address is added, and that is all", () => {
  assert.deepEqual(repair({ sandbox: { addresses: [] } }), [`ensure address ${NS} eth0 172.18.0.2/16`]);
});

test("a route by another gateway and a neighbour that may be forgotten are set right", () => {
  const routes = sandbox.routes.map((route) => ({ ...route, gateway: parseAddress("172.18.0.3") }));
  const neighbours = sandbox.neighbours.map((neighbour) => ({ ...neighbour, permanent: false }));
  assert.deepEqual(repair({ sandbox: { routes, neighbours } }), [
    `ensure neighbour ${NS} eth0 172.18.0.9`,
    `ensure route ${NS} 0.0.0.0/0`,
  ]);
});

test("a forwarding entry that was learned is made permanent, though it leads to the same place", () => {
  const forwarding = host.forwarding.map((entry) => ({ ...entry, permanent: false }));
  assert.deepEqual(repair({ host: { forwarding } }), ["ensure forwarding host vx-1 02:42:ac:12:00:02"]);
});

const closedDevice = { type: "vxlan", vni: 7, port: 4789, learning: false, proxy: true } as const;
const closed: LinkFact = { ...vxlan, device: closedDevice };
const closedFacts = [...desired.filter((fact) => fact !== vxlan), closed];
const closedTraits = { vni: 7, port: 4789, learning: false, proxy: true, isAcross: false };
const closedHost: Observation = {
  ...host,
  links: host.links.map((seen) => (seen.name === "vx-1" ? { ...seen, vxlan: closedTraits } : seen)),
};
const stray = parseMac("02:00:00:00:00:66");
const elsewhere = parseAddress("192.0.2.66");

test("a VXLAN of another number, port, address or manner is made anew with its entries", () => {
  const others = [{ vni: 8 }, { port: 8472 }, { learning: true }, { proxy: false }, { isAcross: true }];
  for (const other of others) {
    const links = closedHost.links.map((seen) =>
      seen.name === "vx-1" ? { ...seen, vxlan: { ...closedTraits, ...other } } : seen,
    );
    assert.deepEqual(told(planRepair(closedFacts, [{ ...closedHost, links }, sandbox])), [
      "ensure link host vx-1",
      "ensure forwarding host vx-1 02:42:ac:12:00:02",
    ]);
  }
  const bound: LinkFact = { ...closed, device: { ...closedDevice, local: elsewhere } };
  const steps = planRepair([...closedFacts.filter((fact) => fact !== closed), bound], [closedHost, sandbox]);
  assert.equal(told(steps)[0], "ensure link host vx-1");
});

test("entries that nobody wants on a VXLAN that does not learn are removed, on others they stay", () => {
  const forwarding = [
    ...host.forwarding,
    { link: "vx-1", mac: stray, destination: elsewhere, permanent: true },
    { link: "vx-1", mac: parseMac("00:00:00:00:00:00"), destination: elsewhere, permanent: true },
    { link: "vx-7", mac: stray, destination: elsewhere, permanent: true },
  ];
  const neighbours = [
    { link: "vx-1", address: elsewhere, mac: stray, permanent: false },
    { link: "wlan0", address: elsewhere, mac: stray, permanent: true },
    { link: "br-1", address: elsewhere, mac: stray, permanent: true },
  ];
  assert.deepEqual(told(planRepair(closedFacts, [{ ...closedHost, forwarding, neighbours }, sandbox])), [
    "remove neighbour host vx-1 192.0.2.66",
    "remove forwarding host vx-1 02:00:00:00:00:66",
    "remove forwarding host vx-1 00:00:00:00:00:00 192.0.2.66",
  ]);
  assert.deepEqual(repair({ host: { forwarding, neighbours } }), []);
});

test("an entry that leads elsewhere is replaced, not removed", () => {
  const forwarding = host.forwarding.map((entry) => ({ ...entry, destination: elsewhere }));
  assert.deepEqual(told(planRepair(closedFacts, [{ ...closedHost, forwarding }, sandbox])), [
    "ensure forwarding host vx-1 02:42:ac:12:00:02",
  ]);
});

test("of a bridge in a namespace of ours only permanent neighbours that nobody wants are removed", () => {
  const inside: LinkFact = { ...bridge, namespace: NS };
  const observed: Observation = {
    ...sandbox,
    links: [link("br-1", "bridge", { alias: "causeway:n1" })],
    neighbours: [true, false].map((permanent) => ({
      link: "br-1",
      address: parseAddress(permanent ? "10.0.0.1" : "10.0.0.2"),
      mac: stray,
      permanent,
    })),
  };
  assert.deepEqual(told(planRepair([{ kind: "namespace", path: NS }, inside], [observed])), [
    `remove neighbour ${NS} br-1 10.0.0.1`,
  ]);
});

test("a sysctl that somebody changed is set again; tabs and spaces are one", () => {
  assert.deepEqual(repair({ host: { sysctls: { "net/ipv4/ip_forward": "0" } } }), [
    "ensure sysctl host net/ipv4/ip_forward",
  ]);
  const fact: KernelFact = { kind: "sysctl", namespace: HOST, key: "net/ipv4/tcp_rmem", value: "1 2 3" };
  assert.deepEqual(planRepair([fact], [{ ...host, links: [], sysctls: { [fact.key]: "1\t2\t3" } }]), []);
  assert.deepEqual(sysctlKeys(desired, HOST), ["net/ipv4/ip_forward"]);
});

test("with a missing veth all that stands on its peer is made again", () => {
  assert.deepEqual(repair({ host: { links: without("veth1") } }), [
    "ensure link host veth1",
    `ensure address ${NS} eth0 172.18.0.2/16`,
    `ensure neighbour ${NS} eth0 172.18.0.9`,
    `ensure route ${NS} 0.0.0.0/0`,
  ]);
});

test("a peer with another MAC address is a fault of its veth", () => {
  const links = [link("eth0", "veth", { mac: parseMac("02:00:00:00:00:01") })];
  assert.equal(repair({ sandbox: { links } })[0], "ensure link host veth1");
});

test("a link that is down, has left its bridge or lost its mark is set right", () => {
  for (const change of [{ up: false }, { master: "other" }, { alias: "" }, { mtu: 1400 }]) {
    const links = host.links.map((seen) => (seen.name === "br-1" ? { ...seen, ...change } : seen));
    assert.equal(repair({ host: { links } }).length, "master" in change ? 0 : 1, JSON.stringify(change));
    const ports = host.links.map((seen) => (seen.name === "veth1" ? { ...seen, ...change } : seen));
    const isFault = !("mtu" in change);
    assert.equal(
      repair({ host: { links: ports } }).includes("ensure link host veth1"),
      isFault,
      JSON.stringify(change),
    );
  }
});

test("a namespace that is not there is made with all that is in it", () => {
  assert.deepEqual(
    told(planRepair(desired, [host])),
    [
      `ensure namespace ${NS}`,
      `ensure address ${NS} eth0 172.18.0.2/16`,
      `ensure neighbour ${NS} eth0 172.18.0.9`,
      `ensure route ${NS} 0.0.0.0/0`,
    ].toSpliced(1, 0, "ensure link host veth1"),
  );
});

test("marked links and namespaces of ours that nobody wants are removed, all others stay", () => {
  const strayLink = link("veth9", "veth", { alias: "causeway:e9" });
  const observed = [
    { ...host, links: [...host.links, strayLink] },
    sandbox,
    { ...sandbox, namespace: "/run/causeway/netns/old", links: [] },
    { ...sandbox, namespace: "/run/netns/foreign", links: [] },
  ];
  assert.deepEqual(told(planRepair(desired, observed, "/run/causeway/netns/")), [
    "remove link host veth9",
    "remove namespace /run/causeway/netns/old",
  ]);
  assert.deepEqual(told(planRepair(desired, observed)), ["remove link host veth9"]);
});

test("facts in a namespace that was not looked at are left alone", () => {
  const inside = desired.filter((fact) => fact.kind !== "namespace");
  assert.deepEqual(planRepair(inside, [host]), []);
});

test("only what is desired is ensured, only what is marked is removed", () => {
  const anyLink = fc.record({
    name: fc.constantFrom("br-1", "veth1", "vx-1", "eth9", "docker0"),
    type: fc.constantFrom("bridge", "veth", "vxlan", ""),
    alias: fc.constantFrom(undefined, "causeway:n1", "causeway:z", "other"),
    up: fc.boolean(),
  });
  const property = fc.property(fc.subarray([...desired]), fc.array(anyLink, { maxLength: 6 }), (facts, found) => {
    const links = found.map(({ name, type, alias, up }) =>
      link(name, type, { up, ...(alias === undefined ? {} : { alias }) }),
    );
    for (const { action, fact } of planRepair(facts, [{ ...host, links }, sandbox])) {
      if (action === "ensure") assert.ok(facts.includes(fact));
      else assert.ok(fact.kind === "link" && fact.alias?.startsWith("causeway:") === true);
    }
  });
  fc.assert(property, { numRuns: 500 });
});
