/** Real packets through the rules of iptables, and what users' own rules do to them. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { silentLog } from "../../base/log.ts";
import type { Firewall } from "../firewall.ts";
import { bridgePolicy, published } from "../policies.fixture.ts";
import { Lab, sh, type Place } from "../testing/lab.fixture.ts";
import { trafficContract } from "../traffic.contract.ts";
import { openIptablesFirewall } from "./backend.ts";
import { ProcessKernel, requirePrivateNamespace } from "./process-kernel.fixture.ts";

const A = bridgePolicy("br-a", "10.1.0.0/24");
const B = bridgePolicy("br-b", "10.2.0.0/24");
const WEB = published("br-a", "8080", "10.1.0.2:80");

const open = (): Promise<Firewall> =>
  openIptablesFirewall({ kernel: new ProcessKernel(), log: silentLog, ip6tables: true });

before(requirePrivateNamespace);
trafficContract("iptables", open);

describe("users' rules", () => {
  let lab: Lab;
  let firewall: Firewall;
  before(async () => {
    lab = await Lab.open();
    firewall = await open();
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(() => sh("for t in filter nat raw; do iptables -t $t -F; done"));

  const answers = async (from: Place, target: string): Promise<boolean> =>
    (await lab.ask(from, target, 500)) !== undefined;

  test("in DOCKER they are asked before any of ours, also of ports that are published later", async () => {
    await firewall.reconcile([A, B, WEB]);
    sh("iptables -I DOCKER -i uplink ! -s 192.168.0.0/16 -j DROP");
    await firewall.apply({ add: [published("br-b", "8081", "10.2.0.2:80")], remove: [] });
    assert.equal(await answers("world", "192.0.2.1:8080"), false);
    assert.equal(await answers("world", "192.0.2.1:8081"), false);
    assert.equal(await answers("b1", "192.0.2.1:8080"), true);
    sh("iptables -I DOCKER -s 192.0.2.9/32 -p tcp -m tcp --dport 80 -j ACCEPT");
    assert.equal(await answers("world", "192.0.2.1:8081"), true);
  });

  test("in DOCKER they stay through withdrawal, restart and the last network's end", async () => {
    await firewall.reconcile([A, WEB]);
    const rule = "DOCKER -i uplink ! -s 192.168.0.0/16 -j DROP";
    sh(`iptables -I ${rule}`);
    await firewall.apply({ add: [B], remove: [WEB] });
    await (await open()).reconcile([A, B, WEB]);
    sh(`iptables -C ${rule}`);
    assert.equal(await answers("world", "192.0.2.1:8080"), false);
    await firewall.reconcile([]);
    sh(`iptables -C ${rule}`);
  });

  test("in DOCKER they open what was not published, also after later changes", async () => {
    lab.route(true);
    await firewall.reconcile([A]);
    sh("iptables -I DOCKER -d 10.1.0.2/32 -p tcp -j ACCEPT");
    await firewall.apply({ add: [B], remove: [] });
    assert.equal(await answers("world", "10.1.0.2:80"), true);
    assert.equal(await answers("world", "10.1.0.3:80"), false);
    lab.route(false);
  });

  test("in DOCKER-USER they close what we would accept, published ports too", async () => {
    await firewall.reconcile([A, WEB]);
    sh("iptables -I DOCKER-USER -s 10.1.0.2/32 -o uplink -j DROP; iptables -I DOCKER-USER -i uplink -j DROP");
    await firewall.apply({ add: [B, published("br-b", "8081", "10.2.0.2:80")], remove: [] });
    assert.equal(await answers("a1", "192.0.2.9:80"), false);
    assert.equal(await answers("world", "192.0.2.1:8081"), false);
    assert.equal(await answers("a2", "10.1.0.2:80"), true);
    sh("iptables -F DOCKER-USER");
  });

  test("a FORWARD chain that ends in REJECT stops no network, not even one made later", async () => {
    sh("iptables -F FORWARD; iptables -A FORWARD -j REJECT");
    await firewall.reconcile([A]);
    sh("iptables -I FORWARD 1 -j REJECT");
    await firewall.apply({ add: [B], remove: [] });
    assert.equal(await answers("b1", "192.0.2.9:80"), true);
  });
});
