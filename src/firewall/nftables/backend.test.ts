/** The nftables backend over a model of nf_tables: the contract, what a change costs, and what happens when it is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../base/log.ts";
import { FakeKernel } from "../../kernel/fake.ts";
import { HOST, type NamespaceFact } from "../../kernel/facts.ts";
import { KernelError } from "../../kernel/kernel-error.ts";
import type { NftChange, NftTableName } from "../../kernel/nftables/ruleset.ts";
import { firewallContract } from "../firewall.contract.ts";
import { BACKEND, BACKEND_V6, DOCKER0, dnsRedirect, published } from "../policies.fixture.ts";
import { openNftablesFirewall } from "./backend.ts";
import { frame } from "./frame.ts";
import { hasNftablesRules, removeNftablesRules } from "./remove.ts";

const TABLE: NftTableName = { family: 4, table: "causeway" };
const SANDBOX: NamespaceFact = { kind: "namespace", path: "/run/causeway/netns/c1" };

firewallContract("nftables over a model", () =>
  openNftablesFirewall({ kernel: new FakeKernel(), log: silentLog, ip6: true }),
);

async function open(ip6 = true) {
  const kernel = new FakeKernel();
  const firewall = await openNftablesFirewall({ kernel, log: silentLog, ip6 });
  await firewall.reconcile([DOCKER0]);
  return { kernel, firewall };
}

async function tableOf(kernel: FakeKernel) {
  return (await kernel.readNftables(HOST, TABLE)) ?? assert.fail("no table");
}

test("a change is one transaction per family, of elements alone, and reads nothing", async () => {
  const { kernel, firewall } = await open();
  const before = kernel.nftables.transactions;
  const read = kernel.nftables.read.bind(kernel.nftables);
  kernel.nftables.read = () => assert.fail("read");
  await firewall.apply({
    add: [BACKEND, BACKEND_V6, published("br-backend", "80", "172.18.0.2:80")],
    remove: [DOCKER0],
  });
  kernel.nftables.read = read;
  assert.equal(kernel.nftables.transactions - before, 2);
  assert.deepEqual(
    (await tableOf(kernel)).chains.map(({ rules }) => rules.length),
    frame(4).chains.map(({ rules }) => rules.length),
  );
});

test("a range that keeps its numbers is one element, a shifted one is one per port", async () => {
  const { kernel, firewall } = await open();
  const same = published("docker0", "8000-8999", "172.17.0.2:8000-8999");
  await firewall.apply({ add: [same, published("docker0", "70-72", "172.17.0.2:80-82")], remove: [] });
  const { sets } = await tableOf(kernel);
  const sizes = Object.fromEntries(sets.map(({ name, elements }) => [name, elements.length]));
  assert.deepEqual([sizes["ranges"], sizes["ports"], sizes["open-ranges"]], [1, 3, 2]);
});

test("ranges of a container that overlap are one, and come apart again", async () => {
  const { kernel, firewall } = await open();
  const ranges = ["80-85", "84-90", "90-95"].map((ports) =>
    published("docker0", ports, `172.17.0.2:${ports}`, { translate: false }),
  );
  const count = async (): Promise<number | undefined> =>
    (await tableOf(kernel)).sets.find(({ name }) => name === "open-ranges")?.elements.length;
  await firewall.apply({ add: ranges, remove: [] });
  assert.equal(await count(), 1);
  await firewall.apply({ add: [], remove: ranges.slice(1, 2) });
  assert.equal(await count(), 2);
  await firewall.apply({ add: [], remove: ranges });
  assert.equal(await count(), 0);
});

test("a change that the kernel refuses is done once more on what is really there", async () => {
  const { kernel, firewall } = await open();
  const meddle: NftChange = { ...TABLE, change: "delete-table" };
  kernel.nftables.change(HOST, [meddle]);
  await firewall.apply({ add: [BACKEND], remove: [] });
  assert.deepEqual(await firewall.reconcile([DOCKER0, BACKEND]), { added: 0, removed: 0 });
});

test("a change that is refused for good leaves all as it was, in the other family too", async () => {
  const { kernel, firewall } = await open();
  const change = kernel.changeNftables.bind(kernel);
  kernel.changeNftables = (namespace, changes) =>
    changes.some(({ family }) => family === 6)
      ? Promise.reject(new KernelError({ operation: "change nf_tables", errno: 12 }))
      : change(namespace, changes);
  await assert.rejects(
    firewall.apply({ add: [BACKEND, BACKEND_V6], remove: [DOCKER0] }),
    /^EngineError: change IPv6 firewall rules in the host's namespace: change nf_tables: ENOMEM/,
  );
  kernel.changeNftables = change;
  assert.deepEqual(await firewall.reconcile([DOCKER0]), { added: 0, removed: 0 });
});

test("without IPv6 there is no table of it", async () => {
  const { kernel, firewall } = await open(false);
  await firewall.apply({ add: [BACKEND_V6], remove: [] });
  assert.equal(await kernel.readNftables(HOST, { ...TABLE, family: 6 }), undefined);
});

test("sets of another type and chains at another hook are made anew, and the user's rules stay", async () => {
  const { kernel, firewall } = await open();
  const user = {
    ...TABLE,
    change: "append-rule",
    chain: "user",
    rule: { expressions: [{ kind: "counter" }] },
  } as const;
  kernel.nftables.change(HOST, [
    { ...TABLE, change: "delete-table" },
    { ...TABLE, change: "add-table" },
    { ...TABLE, change: "add-set", set: { name: "ports", key: ["inet_service"], interval: false } },
    { ...TABLE, change: "add-chain", chain: { name: "user" } },
    { ...TABLE, change: "add-chain", chain: { name: "forward", hook: { type: "filter", hook: "input", priority: 0 } } },
    {
      ...TABLE,
      change: "append-rule",
      chain: "forward",
      rule: { expressions: [{ kind: "verdict", verdict: "drop" }] },
    },
    user,
  ]);
  assert.equal((await firewall.reconcile([DOCKER0])).removed, 1);
  assert.deepEqual(await firewall.reconcile([DOCKER0]), { added: 0, removed: 0 });
  const chains = (await tableOf(kernel)).chains;
  assert.deepEqual(chains.find(({ name }) => name === "user")?.rules, [user.rule]);
});

test("a sandbox's table comes and goes whole, also when the namespace is gone first", async () => {
  const { kernel, firewall } = await open();
  await kernel.apply([{ action: "ensure", fact: SANDBOX }]);
  const dns: NftTableName = { family: 4, table: "causeway-dns" };
  await firewall.apply({ add: [dnsRedirect(SANDBOX.path)], remove: [] });
  await firewall.apply({ add: [dnsRedirect(SANDBOX.path, 1, 2)], remove: [] });
  assert.equal((await kernel.readNftables(SANDBOX.path, dns))?.chains.flatMap(({ rules }) => rules).length, 4);
  assert.deepEqual(await firewall.reconcile([DOCKER0, dnsRedirect(SANDBOX.path, 1, 2)]), { added: 0, removed: 0 });
  assert.deepEqual(await firewall.reconcile([DOCKER0]), { added: 0, removed: 4 });
  assert.equal(await kernel.readNftables(SANDBOX.path, dns), undefined);
  await firewall.apply({ add: [dnsRedirect(SANDBOX.path)], remove: [] });
  await kernel.apply([{ action: "remove", fact: SANDBOX }]);
  await firewall.apply({ add: [], remove: [dnsRedirect(SANDBOX.path)] });
});

test("taking everything out leaves the tables only where the user has rules in them", async () => {
  const { kernel } = await open();
  kernel.nftables.change(HOST, [
    { ...TABLE, change: "append-rule", chain: "user", rule: { expressions: [{ kind: "counter" }] } },
  ]);
  assert.ok(await hasNftablesRules(kernel));
  await removeNftablesRules(kernel, []);
  const { chains, sets } = await tableOf(kernel);
  assert.deepEqual([chains.map(({ name }) => name), sets], [["user"], []]);
  assert.equal(await kernel.readNftables(HOST, { ...TABLE, family: 6 }), undefined);
  assert.ok(!(await hasNftablesRules(kernel)));
});

test("a kernel without nf_tables is told, with what does without", async () => {
  const kernel = new FakeKernel();
  kernel.readNftables = () => Promise.reject(new KernelError({ operation: "open socket", errno: 93 }));
  await assert.rejects(
    openNftablesFirewall({ kernel, log: silentLog, ip6: true }),
    /^EngineError: use nf_tables \(--firewall-backend=iptables and --iptables=false do without\): open socket: EPROTONOSUPPORT/,
  );
});
