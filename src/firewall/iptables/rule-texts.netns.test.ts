/** Which rules policies become, to the letter, in the words of the machine's own iptables-save, of both variants. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { parseAddress } from "../../addr/ip-address.ts";
import { silentLog } from "../../base/log.ts";
import type { Policy } from "../firewall.ts";
import { bridgePolicy, dnsRedirect, DOCKER0, endpointGuard, linkedPort, published } from "../policies.fixture.ts";
import { openIptablesFirewall } from "./backend.ts";
import { requirePrivateNamespace } from "./process-kernel.fixture.ts";
import { chain, flush, hasLegacy, LEGACY, open, rules, sh } from "./rules.fixture.ts";

const SANDBOX = "/run/netns/c1";

before(() => {
  requirePrivateNamespace();
  sh("ip netns add c1");
});
after(() => sh("ip netns del c1"));
beforeEach(() => {
  flush();
});

test("docker0's rules appear in iptables-save to the letter and in the classic order", async () => {
  const { firewall } = await open();
  await firewall.reconcile([DOCKER0]);
  assert.deepEqual(chain("FORWARD"), [
    "-A FORWARD -j DOCKER-USER",
    "-A FORWARD -j DOCKER-ISOLATION-STAGE-1",
    "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A FORWARD -o docker0 -j DOCKER",
    "-A FORWARD ! -i docker0 -o docker0 -j DROP",
    "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT",
    "-A FORWARD -i docker0 -o docker0 -j ACCEPT",
  ]);
  assert.ok(chain("POSTROUTING").includes("-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"));
  assert.deepEqual(chain("DOCKER-USER"), ["-A DOCKER-USER -j RETURN"]);
});

const EVERY_PUBLICATION = [
  ...(["tcp", "udp", "sctp"] as const).flatMap((protocol) => [
    published("a", "8080", "10.1.2.4:80", { protocol }),
    published("a", "8000-8010", "10.1.2.4:8000-8010", { protocol }),
    published("a", "9000-9010", "10.1.2.4:90-100", { protocol }),
    published("d", "8080", "[fd00:0:0:1::2]:80", { protocol }),
    published("d", "8000-8010", "[fd00:0:0:1::2]:8000-8010", { protocol }),
    published("d", "9000-9010", "[fd00:0:0:1::2]:90-100", { protocol }),
  ]),
  published("a", "8080", "10.1.2.4:80", { hostAddress: parseAddress("192.0.2.1") }),
  published("a", "7000-7010", "10.1.2.4:70-80", { hostAddress: parseAddress("127.0.0.1") }),
  published("d", "8080", "[fd00:0:0:1::2]:80", { hostAddress: parseAddress("2001:db8::1") }),
  published("h", "80", "10.5.0.2:80", { translate: false }),
];

function everyPolicy(sandbox: readonly Policy[]): readonly Policy[] {
  return [
    bridgePolicy("a", "10.1.2.3/24", { icc: false }),
    bridgePolicy("b", "10.2.0.0/32", { internal: true }),
    bridgePolicy("c", "10.3.0.0/8", { masquerade: { snat: { family: 4, value: 0x01020304n } } }),
    bridgePolicy("d", "fd00:0:0:1::/64"),
    bridgePolicy("e", "2001:db8:0:1:0:1::/96", { internal: true }),
    bridgePolicy("f", "fd00:2::/64", { masquerade: { snat: { family: 6, value: 1n << 120n } } }),
    bridgePolicy("g", "10.4.0.0/16", { gateway: "nat-unprotected" }),
    bridgePolicy("h", "10.5.0.0/16", { gateway: "routed", masquerade: "none" }),
    bridgePolicy("i", "fd00:3::/64", { gateway: "routed", masquerade: "none" }),
    bridgePolicy("j", "10.6.0.0/16", { gateway: "isolated", internal: true, icc: false }),
    endpointGuard("a", "10.1.2.4", "eth9", "wg0"),
    endpointGuard("d", "fd00:0:0:1::2", "eth9"),
    ...EVERY_PUBLICATION,
    linkedPort("a", "10.1.2.4", "10.1.2.5", 5432),
    linkedPort("d", "fd00:0:0:1::2", "fd00:0:0:1::3", 5432),
    ...sandbox,
  ];
}

test("every text that is rendered comes back unchanged from iptables-save and ip6tables-save", async () => {
  const { firewall } = await open();
  const policies = everyPolicy([dnsRedirect(SANDBOX)]);
  await firewall.apply({ add: policies, remove: [] });
  assert.deepEqual(await firewall.reconcile(policies), { added: 0, removed: 0 });
  await firewall.reconcile([]);
});

test(
  "and so it does from the legacy programs",
  { skip: hasLegacy ? false : "kernel feature missing: ip_tables" },
  async () => {
    flush("-legacy");
    const { firewall } = await open({ programs: LEGACY });
    await firewall.apply({ add: everyPolicy([]), remove: [] });
    assert.deepEqual(await firewall.reconcile(everyPolicy([])), { added: 0, removed: 0 });
    flush("-legacy");
  },
);

test("a published port's rules appear in iptables-save to the letter", async () => {
  const { firewall } = await open();
  await firewall.reconcile([DOCKER0, published("docker0", "8080", "172.17.0.4:8080")]);
  const found = rules();
  for (const line of [
    "-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.4:8080",
    "-A POSTROUTING -s 172.17.0.4/32 -d 172.17.0.4/32 -p tcp -m tcp --dport 8080 -j MASQUERADE",
    "-A DOCKER -d 172.17.0.4/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 8080 -j ACCEPT",
  ])
    assert.ok(found.includes(line), line);
});

test("a range of ports is as many rules as a port", async () => {
  const { firewall } = await open();
  await firewall.reconcile([DOCKER0]);
  const none = rules().length;
  await firewall.reconcile([DOCKER0, published("docker0", "8080", "172.17.0.4:80")]);
  const one = rules().length - none;
  for (const target of ["8000-8499", "7000-7499"]) {
    await firewall.reconcile([DOCKER0, published("docker0", "8000-8499", `172.17.0.4:${target}`)]);
    assert.equal(rules().length - none, one, target);
  }
});

test("programs that do not know shifted ranges get a rule for each port", async () => {
  const { kernel, firewall: modern } = await open();
  await modern.reconcile([]);
  kernel.intercept = (command) =>
    command.includes("--version") ? { exitCode: 0, stdout: "iptables v1.8.8 (nf_tables)", stderr: "" } : undefined;
  const firewall = await openIptablesFirewall({ kernel, log: silentLog, ip6tables: true });
  const ports = published("docker0", "8000-8002", "172.17.0.4:80-82");
  await firewall.apply({ add: [DOCKER0, ports], remove: [] });
  assert.deepEqual(
    chain("DOCKER", "iptables-save -t nat").filter((line) => line.includes("! -i docker0")),
    [0, 1, 2].map(
      (index) =>
        `-A DOCKER ! -i docker0 -p tcp -m tcp --dport 800${index} -j DNAT --to-destination 172.17.0.4:8${index}`,
    ),
  );
  assert.deepEqual(await firewall.reconcile([DOCKER0, ports]), { added: 0, removed: 0 });
});
