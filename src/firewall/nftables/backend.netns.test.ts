/** The nftables backend over the kernel's nf_tables, judged by nft. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { silentLog } from "../../base/log.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { requirePrivateNamespace, sh } from "../../kernel/testing/netns.ts";
import { openKernelThread } from "../../kernel/thread.ts";
import { firewallContract } from "../firewall.contract.ts";
import type { Firewall } from "../firewall.ts";
import {
  BACKEND,
  BACKEND_V6,
  bridgePolicy,
  dnsRedirect,
  DOCKER0,
  endpointGuard,
  linkedPort,
  published,
} from "../policies.fixture.ts";
import { openNftablesFirewall } from "./backend.ts";
import type { NftablesOptions } from "./options.ts";

let kernel: Kernel;

before(async () => {
  requirePrivateNamespace();
  kernel = await openKernelThread();
});
after(() => kernel[Symbol.asyncDispose]());
beforeEach(() => void sh("nft flush ruleset"));

function open(rest: Partial<NftablesOptions> = {}): Promise<Firewall> {
  return openNftablesFirewall({ kernel, log: silentLog, ip6: true, ...rest });
}

firewallContract("nftables", () => {
  sh("nft flush ruleset");
  return open();
});

function counts({ added, removed }: { readonly added: number; readonly removed: number }): readonly [number, number] {
  return [added, removed];
}

/** The lines that nft lists of something, without indentation. */
function listed(what: string): string[] {
  return sh(`nft list ${what}`)
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && line !== "}");
}

/** The elements of a set of IPv4's table, as nft prints them. */
function elements(set: string): string {
  return (
    /elements = \{ ([^}]*) \}/.exec(sh(`nft list set ip causeway ${set} || nft list map ip causeway ${set}`))?.[1] ?? ""
  );
}

test("nft prints every element as what it means", async () => {
  const firewall = await open();
  await firewall.reconcile([
    DOCKER0,
    bridgePolicy("br-snat", "10.3.0.0/16", { masquerade: { snat: { family: 4, value: 0xc0000207n } } }),
    bridgePolicy("br-in", "10.4.0.0/16", { internal: true, icc: false }),
    endpointGuard("docker0", "172.17.0.2", "eth7"),
    published("docker0", "8080", "172.17.0.2:80"),
    published("docker0", "53", "172.17.0.2:5353", { protocol: "udp", hostAddress: { family: 4, value: 0x7f000001n } }),
    published("docker0", "9000-9100", "172.17.0.2:9000-9100", { protocol: "sctp" }),
    linkedPort("docker0", "172.17.0.3", "172.17.0.2", 6379),
  ]);
  const expected: Readonly<Record<string, string>> = {
    bridges: '"docker0", "br-snat"',
    internal: '"br-in"',
    "open-networks": '"docker0" . "docker0", "br-snat" . "br-snat"',
    "closed-networks": '"br-in" . "br-in"',
    masqueraded: "172.17.0.0/16",
    sources: "10.3.0.0/16 : 192.0.2.7",
    guarded: "172.17.0.2",
    "guard-passes": '172.17.0.2 . "docker0", 172.17.0.2 . "eth7"',
    ports: "tcp . 8080 : 172.17.0.2 . 80",
    "ports-at": "127.0.0.1 . udp . 53 : 172.17.0.2 . 5353",
    ranges: "sctp . 9000-9100 : 172.17.0.2",
    "open-ranges": "172.17.0.2 . sctp . 9000-9100",
    links: "172.17.0.3 . 172.17.0.2 . tcp . 6379",
  };
  const sorted = (text: string): string[] => text.replaceAll(/\s+/g, " ").split(", ").sort();
  for (const [set, text] of Object.entries(expected)) assert.deepEqual(sorted(elements(set)), sorted(text), set);
});

test("nft prints the rules, each with its comment", async () => {
  await (await open()).reconcile([]);
  const forward = listed("chain ip causeway forward");
  assert.equal(forward[2], "type filter hook forward priority filter; policy accept;");
  assert.equal(forward[3], `jump user comment "the user's rules"`);
  assert.ok(forward.includes('oifname @bridges ct state established,related accept comment "answers"'));
  assert.ok(
    listed("chain ip causeway publish").includes('dnat ip to meta l4proto . th dport map @ports comment "ports"'),
  );
  assert.ok(
    listed("chain ip6 causeway prerouting").includes(
      'ip6 saddr != fe80::/10 fib daddr type local jump publish comment "to an address of this host"',
    ),
  );
});

test("what nft lists, nft can load, and only its own way with ranges is mended afterwards", async () => {
  const firewall = await open();
  const policies = [DOCKER0, BACKEND, BACKEND_V6, published("docker0", "80-90", "172.17.0.2:80-90")];
  await firewall.reconcile(policies);
  const before = listed("ruleset");
  sh("nft list ruleset > /tmp/ruleset; nft flush ruleset; nft -f /tmp/ruleset");
  assert.deepEqual(listed("ruleset"), before);
  // nft turns the byte order of a protocol's single byte wherever ranges are looked up: four rules per family
  assert.deepEqual(counts(await (await open()).reconcile(policies)), [8, 8]);
  assert.deepEqual(counts(await (await open()).reconcile(policies)), [0, 0]);
});

test("the user's chain, chains of the user's and foreign tables survive changes, repairs and restarts", async () => {
  const firewall = await open();
  await firewall.reconcile([DOCKER0]);
  sh(`nft add chain ip causeway mine; nft add rule ip causeway mine counter
    nft add rule ip causeway user ip saddr 10.9.9.9 drop; nft add rule ip causeway user jump mine
    nft add table inet other; nft 'add chain inet other c { type filter hook forward priority 5; }'
    nft add rule inet other c counter`);
  const theirs = (): string[] =>
    ["chain ip causeway user", "chain ip causeway mine", "table inet other"].flatMap(listed);
  const start = theirs();
  await firewall.apply({ add: [BACKEND], remove: [DOCKER0] });
  await firewall.reconcile([DOCKER0]);
  await (await open()).reconcile([DOCKER0, BACKEND]);
  assert.deepEqual(theirs(), start);
});

test("what somebody took out or put in is taken back by a repair, as a difference", async () => {
  const firewall = await open();
  await firewall.reconcile([DOCKER0, BACKEND]);
  sh(`nft delete element ip causeway bridges '{ "docker0" }'; nft add element ip causeway bridges '{ "eth0" }'
    nft delete element ip causeway masqueraded '{ 172.17.0.0/16 }'; nft insert rule ip causeway forward drop`);
  assert.deepEqual(counts(await firewall.reconcile([DOCKER0, BACKEND])), [2, 2]);
});

test("a ruleset that somebody flushed comes back with the next change", async () => {
  const firewall = await open();
  await firewall.reconcile([DOCKER0, BACKEND]);
  const before = listed("ruleset");
  sh("nft flush ruleset");
  await firewall.apply({ add: [], remove: [BACKEND] });
  await firewall.apply({ add: [BACKEND_V6], remove: [] });
  await firewall.reconcile([DOCKER0, BACKEND]);
  assert.deepEqual(listed("ruleset").sort(), before.sort());
});

test("a network that is gone after a restart takes exactly its own elements along", async () => {
  await (await open()).reconcile([DOCKER0]);
  const before = listed("ruleset");
  await (await open()).reconcile([DOCKER0, BACKEND, published("br-backend", "81", "172.18.0.2:81")]);
  assert.equal((await (await open()).reconcile([DOCKER0])).added, 0);
  assert.deepEqual(listed("ruleset"), before);
});

test("forwarding is closed by default only where the caller switched it on, and a restart leaves it as it is", async () => {
  await (await open({ dropForwarded: [4] })).reconcile([DOCKER0]);
  const policy = (family: string): string | undefined => listed(`chain ${family} causeway forward`)[2];
  assert.match(policy("ip") ?? "", /policy drop/);
  assert.match(policy("ip6") ?? "", /policy accept/);
  await (await open()).reconcile([DOCKER0]);
  assert.match(policy("ip") ?? "", /policy drop/);
});

test("the resolver's redirect is a table inside the sandbox, and leaves nothing when it goes", async () => {
  sh("ip netns add c1");
  try {
    const firewall = await open();
    await firewall.apply({ add: [dnsRedirect("/run/netns/c1", 41510, 35683)], remove: [] });
    const inside = sh("ip netns exec c1 nft list ruleset");
    assert.match(inside, /ip daddr 127\.0\.0\.11 tcp dport 53 dnat to 127\.0\.0\.11:35683 comment "queries"/);
    assert.match(inside, /ip saddr 127\.0\.0\.11 udp sport 41510 snat to :53 comment "answers"/);
    await firewall.apply({ add: [], remove: [dnsRedirect("/run/netns/c1")] });
    assert.equal(sh("ip netns exec c1 nft list ruleset"), "");
  } finally {
    sh("ip netns del c1");
  }
});

test("the kernel's refusal names what was refused", async () => {
  const firewall = await open();
  await firewall.reconcile([DOCKER0, published("docker0", "80-90", "172.17.0.2:80-90")]);
  await assert.rejects(
    firewall.apply({ add: [published("docker0", "85-95", "172.17.0.3:85-95")], remove: [] }),
    /change IPv4 firewall rules in the host's namespace: add elements of set ip causeway ranges: /,
  );
});

test("ten thousand ports are one transaction", async () => {
  const firewall = await open();
  await firewall.reconcile([DOCKER0]);
  const ports = Array.from({ length: 10_000 }, (_, index) =>
    published("docker0", String(20_000 + index), `172.17.0.2:${1000 + index}`),
  );
  await firewall.apply({ add: ports, remove: [] });
  assert.equal(sh("nft list map ip causeway ports").match(/\d : \d/g)?.length, 10_000);
  await firewall.apply({ add: [], remove: ports });
  assert.equal(elements("ports"), "");
});
