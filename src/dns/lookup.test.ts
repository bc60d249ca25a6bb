/** Docker's rules of look-up, as a table over one snapshot. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { addressFromBytes, formatAddress, parseAddress } from "../addr/ip-address.ts";
import type { DnsChange, DnsSandbox } from "./dns.ts";
import { answerLocally, endpointsNamedAlike } from "./lookup.ts";
import { TYPE } from "./message/codes.ts";
import { Snapshot } from "./snapshot.ts";

function network(id: string, name: string): DnsChange {
  return { put: "network", network: { id, name } };
}

function endpoint(id: string, networkId: string, names: readonly string[], ...addresses: string[]): DnsChange {
  return {
    put: "endpoint",
    endpoint: { id, networkId, names, addresses: addresses.map((text) => parseAddress(text)) },
  };
}

function sandbox(id: string, networkIds: readonly string[], rest: Partial<DnsSandbox> = {}): DnsChange {
  const base: DnsSandbox = { id, networkIds, privateAliases: {}, upstreams: [], external: true, ndotsSet: false };
  return { put: "sandbox", sandbox: { ...base, ...rest } };
}

const CHANGES: readonly DnsChange[] = [
  network("n1", "backend"),
  network("n2", "Front.End"),
  endpoint("e1", "n1", ["c1", "web", "0123456789ab", "Host1"], "172.18.0.2"),
  endpoint("e2", "n1", ["c2", "web", "c2.backend"], "172.18.0.3"),
  endpoint("e3", "n2", ["c3", "web"], "172.19.0.2", "fd00:19::2"),
  endpoint("e4", "n2", ["c2"], "172.19.0.9"),
  sandbox("one", ["n1"]),
  sandbox("both", ["n2", "n1"]),
  sandbox("linked", ["n1"], { privateAliases: { n1: { DB: "C2", c1: "c2" } } }),
  sandbox("ndots", ["n1"], { ndotsSet: true }),
];

function snapshotOf(changes: readonly DnsChange[] = CHANGES): Snapshot {
  const snapshot = new Snapshot();
  snapshot.apply(changes);
  return snapshot;
}

/** "172.18.0.2 ...", "-> target", "empty" or "unknown". */
function ask(snapshot: Snapshot, sandboxId: string, name: string, type: number = TYPE.A): string {
  const view = snapshot.sandbox(sandboxId);
  assert.ok(view !== undefined);
  const answer = answerLocally(snapshot, view, { name, type, class: 1 });
  if (answer.kind === "pointer") return `-> ${answer.target}`;
  if (answer.kind !== "addresses") return answer.kind;
  return answer.data.map((bytes) => formatAddress(addressFromBytes(bytes) ?? parseAddress("::"))).join(" ");
}

for (const [who, name, type, expected] of [
  ["one", "c1", TYPE.A, "172.18.0.2"],
  ["one", "0123456789ab", TYPE.A, "172.18.0.2"],
  ["one", "host1", TYPE.A, "172.18.0.2"],
  ["one", "web", TYPE.A, "172.18.0.2 172.18.0.3"],
  ["one", "c1.backend", TYPE.A, "172.18.0.2"],
  ["one", "c3", TYPE.A, "unknown"],
  ["one", "c3.front.end", TYPE.A, "unknown"],
  ["one", "c1.frontend", TYPE.A, "unknown"],
  ["one", ".backend", TYPE.A, "unknown"],
  ["one", "", TYPE.A, "unknown"],
  ["both", "c3.front.end", TYPE.A, "172.19.0.2"],
  ["both", "c2", TYPE.A, "172.19.0.9"],
  ["both", "c2.backend", TYPE.A, "172.18.0.3"],
  ["both", "web", TYPE.A, "172.19.0.2"],
  ["both", "c3", TYPE.AAAA, "fd00:19::2"],
  ["one", "c1", TYPE.AAAA, "empty"],
  ["one", "c1", TYPE.MX, "empty"],
  ["one", "c1", TYPE.HTTPS, "empty"],
  ["one", "c9", TYPE.MX, "unknown"],
  ["one", "c1", 16, "unknown"],
  ["one", "2.0.18.172.in-addr.arpa", TYPE.PTR, "-> c1.backend"],
  ["both", "2.0.19.172.in-addr.arpa", TYPE.PTR, "-> c3.Front.End"],
  ["one", "2.0.19.172.in-addr.arpa", TYPE.PTR, "unknown"],
  ["one", "18.172.in-addr.arpa", TYPE.PTR, "unknown"],
  ["one", "c1", TYPE.PTR, "unknown"],
  ["both", `2.${"0.".repeat(23)}9.1.0.0.0.0.d.f.ip6.arpa`, TYPE.PTR, "-> c3.Front.End"],
  ["linked", "db", TYPE.A, "172.18.0.3"],
  ["linked", "db.backend", TYPE.A, "172.18.0.3"],
  ["linked", "c1", TYPE.A, "172.18.0.3"],
  ["one", "db", TYPE.A, "unknown"],
  ["ndots", "c9", TYPE.A, "empty"],
  ["ndots", "c9", TYPE.AAAA, "empty"],
  ["ndots", "c9", TYPE.MX, "unknown"],
  ["ndots", "c9.example", TYPE.A, "unknown"],
  ["ndots", "c1", TYPE.A, "172.18.0.2"],
] as const) {
  test(`${who} asks ${name} type ${type}: ${expected}`, () =>
    assert.equal(ask(snapshotOf(), who, name, type), expected));
}

test("another class than IN or ANY is not ours", () => {
  const snapshot = snapshotOf();
  const view = snapshot.sandbox("one");
  assert.ok(view !== undefined);
  assert.equal(answerLocally(snapshot, view, { name: "c1", type: TYPE.A, class: 3 }).kind, "unknown");
  assert.equal(answerLocally(snapshot, view, { name: "c1", type: TYPE.A, class: 255 }).kind, "addresses");
});

test("PTR is left to the upstream once it gave the endpoint's own name its address, until the endpoint changes", () => {
  const snapshot = snapshotOf();
  const view = snapshot.sandbox("one");
  assert.ok(view !== undefined);
  const given = [
    { name: "c1", address: parseAddress("172.18.0.2") },
    { name: "other", address: parseAddress("172.18.0.3") },
  ];
  const named = endpointsNamedAlike(snapshot, view, given);
  assert.deepEqual(
    named.map(({ id }) => id),
    ["e1"],
  );
  for (const { id } of named) snapshot.deferReverse(id);
  assert.equal(ask(snapshot, "one", "2.0.18.172.in-addr.arpa", TYPE.PTR), "unknown");
  snapshot.apply([endpoint("e1", "n1", ["c1"], "172.18.0.2")]);
  assert.equal(ask(snapshot, "one", "2.0.18.172.in-addr.arpa", TYPE.PTR), "-> c1.backend");
});

test("at most three upstreams are asked, and only a sandbox's own when it has no way out", () => {
  const upstream = (text: string, from: "host" | "sandbox") => ({ address: parseAddress(text), port: 53, from });
  const upstreams = [
    upstream("192.0.2.1", "host"),
    upstream("192.0.2.2", "sandbox"),
    upstream("192.0.2.3", "host"),
    upstream("192.0.2.4", "sandbox"),
  ];
  const snapshot = snapshotOf([sandbox("out", [], { upstreams }), sandbox("in", [], { upstreams, external: false })]);
  const asked = (id: string) => snapshot.sandbox(id)?.upstreams.map(({ address }) => formatAddress(address));
  assert.deepEqual(asked("out"), ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
  assert.deepEqual(asked("in"), ["192.0.2.2", "192.0.2.4"]);
});

test("after any sequence of changes the snapshot answers as one made of what is left, and removing all leaves nothing", () => {
  const change = fc.oneof(
    fc
      .record({ id: fc.nat(4), name: fc.nat(3), on: fc.nat(2), host: fc.nat(5) })
      .map(({ id, name, on, host }) => endpoint(`e${id}`, `n${on}`, [`c${name}`, "web"], `172.18.${on}.${host}`)),
    fc.nat(4).map((id): DnsChange => ({ remove: "endpoint", id: `e${id}` })),
    fc.nat(2).map((id) => network(`n${id}`, `net${id}`)),
    fc.nat(2).map((id): DnsChange => ({ remove: "network", id: `n${id}` })),
  );
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
      const view = sandbox("s", ["n0", "n1", "n2"]);
      const grown = snapshotOf([view]);
      // Asked in between, so that nothing remembered from before may be told later.
      for (const change of changes) {
        grown.apply([change]);
        ask(grown, "s", "web");
        ask(grown, "s", "c1");
      }
      const fresh = snapshotOf([...survivors(changes), view]);
      for (const name of ["web", "c0", "c1", "c2", "c3", "web.net0", "c1.net1", "c2.net2"]) {
        const sorted = (snapshot: Snapshot) => ask(snapshot, "s", name).split(" ").sort();
        assert.deepEqual(sorted(grown), sorted(fresh), name);
      }
      grown.apply([0, 1, 2, 3, 4].map((id) => ({ remove: "endpoint", id: `e${id}` }) as const));
      grown.apply([0, 1, 2].map((id) => ({ remove: "network", id: `n${id}` }) as const));
      assert.equal(grown.network("n0") ?? grown.network("n1") ?? grown.network("n2"), undefined);
    }),
  );
});

/** The last word on each endpoint and network. */
function survivors(changes: readonly DnsChange[]): readonly DnsChange[] {
  const last = new Map<string, DnsChange>();
  for (const change of changes) {
    const key =
      "put" in change
        ? `${change.put} ${change.put === "endpoint" ? change.endpoint.id : change.put === "network" ? change.network.id : ""}`
        : `${change.remove} ${change.id}`;
    last.delete(key);
    last.set(key, change);
  }
  return [...last.values()].filter((change) => "put" in change);
}
