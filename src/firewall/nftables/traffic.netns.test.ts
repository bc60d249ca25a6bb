/** Real packets through the rules of nftables, and what users' own rules do to them. */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { silentLog } from "../../base/log.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { requirePrivateNamespace } from "../../kernel/testing/netns.ts";
import { openKernelThread } from "../../kernel/thread.ts";
import type { Firewall } from "../firewall.ts";
import { bridgePolicy, published } from "../policies.fixture.ts";
import { Lab, sh, type Place } from "../testing/lab.fixture.ts";
import { trafficContract } from "../traffic.contract.ts";
import { openNftablesFirewall } from "./backend.ts";

const A = bridgePolicy("br-a", "10.1.0.0/24");
const B = bridgePolicy("br-b", "10.2.0.0/24");
const WEB = published("br-a", "8080", "10.1.0.2:80");

let kernel: Kernel;

const open = (): Promise<Firewall> => openNftablesFirewall({ kernel, log: silentLog, ip6: true });

before(async () => {
  requirePrivateNamespace();
  kernel = await openKernelThread();
});
after(() => kernel[Symbol.asyncDispose]());

trafficContract("nftables", open);

describe("users' rules", () => {
  let lab: Lab;
  let firewall: Firewall;
  before(async () => {
    lab = await Lab.open();
    firewall = await open();
  });
  after(() => lab[Symbol.asyncDispose]());
  afterEach(() => sh("nft flush chain ip causeway user"));

  const answers = async (from: Place, target: string): Promise<boolean> =>
    (await lab.ask(from, target, 500)) !== undefined;

  test("in the user's chain close what we would accept, published ports too, also those published later", async () => {
    await firewall.reconcile([A, WEB]);
    sh("nft add rule ip causeway user ip saddr 10.1.0.2 oifname uplink drop");
    sh("nft add rule ip causeway user iifname uplink ip saddr != 192.168.0.0/16 drop");
    await firewall.apply({ add: [B, published("br-b", "8081", "10.2.0.2:80")], remove: [] });
    assert.equal(await answers("a1", "192.0.2.9:80"), false);
    assert.equal(await answers("world", "192.0.2.1:8080"), false);
    assert.equal(await answers("world", "192.0.2.1:8081"), false);
    assert.equal(await answers("b1", "192.0.2.1:8080"), true);
    assert.equal(await answers("a2", "10.1.0.2:80"), true);
  });

  test("open what was not published, also after later changes and a restart", async () => {
    lab.route(true);
    await firewall.reconcile([A]);
    sh("nft add rule ip causeway user ip daddr 10.1.0.2 accept");
    await firewall.apply({ add: [B], remove: [] });
    await (await open()).reconcile([A, B]);
    assert.equal(await answers("world", "10.1.0.2:80"), true);
    assert.equal(await answers("world", "10.1.0.3:80"), false);
    lab.route(false);
  });

  test("a forward chain of ours that drops by default stops no network, and what is none of ours", async () => {
    await (await openNftablesFirewall({ kernel, log: silentLog, ip6: false, dropForwarded: [4] })).reconcile([A, WEB]);
    assert.equal(await answers("a1", "192.0.2.9:80"), true);
    assert.equal(await answers("world", "192.0.2.1:8080"), true);
    assert.equal(await answers("b1", "192.0.2.9:80"), false);
    sh("nft 'chain ip causeway forward { policy accept; }'");
  });

  test("a table of somebody else's that drops is not overruled, and is left as it is", async () => {
    await firewall.reconcile([A, WEB]);
    sh(
      "nft 'table inet theirs { chain c { type filter hook forward priority 10; iifname uplink ct state new drop; }; }'",
    );
    await firewall.apply({ add: [B], remove: [] });
    assert.equal(await answers("world", "192.0.2.1:8080"), false);
    assert.equal(await answers("b1", "192.0.2.1:8080"), true);
    sh("nft delete table inet theirs");
  });
});
