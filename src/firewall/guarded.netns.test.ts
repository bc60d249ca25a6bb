/** Rules that somebody else flushes come back by themselves, under both backends; judged by iptables-save and nft. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { silentLog } from "../base/log.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { openKernelThread } from "../kernel/thread.ts";
import type { Firewall } from "./firewall.ts";
import { GuardedFirewall } from "./guarded.ts";
import { openIptablesFirewall } from "./iptables/backend.ts";
import { hasLegacy, LEGACY } from "./iptables/rules.fixture.ts";
import { requirePrivateNamespace } from "./iptables/process-kernel.fixture.ts";
import { openNftablesFirewall } from "./nftables/backend.ts";
import { BACKEND, BACKEND_V6, DOCKER0, published } from "./policies.fixture.ts";

const WEB = published("docker0", "8080", "172.17.0.4:80");
const POLICIES = [DOCKER0, BACKEND, BACKEND_V6, WEB];
/** The promise is a second; a busy machine gets more before the test gives up. */
const DEADLINE_MS = 5_000;

let kernel: Kernel;
before(async () => {
  requirePrivateNamespace();
  kernel = await openKernelThread();
});
after(() => kernel[Symbol.asyncDispose]());

function sh(command: string): string {
  return execFileSync("sh", ["-ec", command], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

async function until(what: string, look: () => boolean): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!look()) {
    if (performance.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${what}`);
    await pause(20);
  }
}

interface Variant {
  readonly name: string;
  open(): Promise<Firewall>;
  /** The rules, of both families, without counters and in the program's order. */
  rules(): string;
  /** Somebody's own rule, and its text. */
  addForeign(): string;
  readonly attacks: readonly string[];
  readonly skip?: string;
}

const iptables = (name: string, suffix: string, programs?: typeof LEGACY): Variant => ({
  name,
  open: () =>
    openIptablesFirewall({ kernel, log: silentLog, ip6tables: true, ...(programs === undefined ? {} : { programs }) }),
  rules: () =>
    sh(`iptables${suffix}-save 2>/dev/null; ip6tables${suffix}-save 2>/dev/null`).replaceAll(
      /^#.*\n|\[\d+:\d+\]/gm,
      "",
    ),
  addForeign: () => {
    sh(`iptables${suffix} -I FORWARD -s 9.9.9.9/32 -j DROP; iptables${suffix} -D FORWARD -s 9.9.9.9/32 -j DROP
      iptables${suffix} -I INPUT -s 9.9.9.9/32 -j DROP`);
    return "-A INPUT -s 9.9.9.9/32 -j DROP";
  },
  attacks: [
    `iptables${suffix} -F FORWARD`,
    `iptables${suffix} -t nat -F`,
    `iptables${suffix} -t nat -F; iptables${suffix} -t nat -X`,
    `iptables${suffix} -F FORWARD; iptables${suffix} -F DOCKER; iptables${suffix} -F DOCKER-USER
     iptables${suffix} -F DOCKER-ISOLATION-STAGE-1; iptables${suffix} -F DOCKER-ISOLATION-STAGE-2; iptables${suffix} -X`,
    `iptables${suffix} -D DOCKER -d 172.17.0.4/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT`,
    `ip6tables${suffix} -F`,
    `iptables${suffix} -t raw -F`,
  ],
});

const VARIANTS: readonly Variant[] = [
  iptables("iptables", ""),
  {
    ...iptables("iptables-legacy", "-legacy", LEGACY),
    ...(hasLegacy ? {} : { skip: "kernel feature missing: ip_tables" }),
  },
  {
    name: "nftables",
    open: () => openNftablesFirewall({ kernel, log: silentLog, ip6: true }),
    rules: () =>
      sh("for t in 'ip causeway' 'ip6 causeway' 'ip theirs'; do nft -s list table $t 2>/dev/null || true; done"),
    addForeign: () => {
      sh("nft add table ip theirs; nft add chain ip theirs c; nft add rule ip theirs c ip saddr 9.9.9.9 drop");
      return "ip saddr 9.9.9.9 drop";
    },
    attacks: ["nft flush table ip causeway", "nft delete table ip causeway", "nft flush ruleset ip6"],
  },
];

for (const { name, skip, ...variant } of VARIANTS)
  describe(name, { skip: skip ?? false }, () => {
    test("what others take away is back within a second, and what is theirs stays", async () => {
      const warned: object[] = [];
      const log = { ...silentLog, warn: (fields: object) => void warned.push(fields) };
      await using firewall = new GuardedFirewall(await variant.open(), { kernel, log });
      await firewall.reconcile(POLICIES);
      const theirs = variant.addForeign();
      await until("the foreign rule is no reason to change anything", () => variant.rules().includes(theirs));
      const whole = variant.rules();
      for (const [index, attack] of variant.attacks.entries()) {
        sh(attack);
        assert.notEqual(variant.rules(), whole, attack);
        await until(`rules after ${attack}`, () => sorted(variant.rules()) === sorted(whole));
        await until("the reason is in the log", () => warned.length === index + 1);
      }
      await firewall.reconcile([]);
    });

    test("our own changes are no reason to look, and others' are put right after them", async () => {
      let looks = 0;
      const inner = await variant.open();
      const counted: Firewall = {
        backend: inner.backend,
        reconcile: (policies) => inner.reconcile(policies),
        apply: (change) => inner.apply(change),
        repair: () => {
          looks++;
          return inner.repair();
        },
        [Symbol.asyncDispose]: () => inner[Symbol.asyncDispose](),
      };
      await using firewall = new GuardedFirewall(counted, { kernel, log: silentLog });
      await firewall.reconcile(POLICIES);
      for (let round = 0; round < 10; round++) {
        await firewall.apply({ add: [], remove: [WEB] });
        await firewall.apply({ add: [WEB], remove: [] });
        await pause(100);
      }
      assert.equal(looks, 0);
      const whole = variant.rules();
      sh(variant.attacks[0] ?? "");
      await firewall.apply({ add: [WEB], remove: [] });
      await until("all rules", () => sorted(variant.rules()) === sorted(whole));
      await firewall.reconcile([]);
    });
  });

/** Blocks of several owners may come back in another order. */
function sorted(rules: string): string {
  return rules.split("\n").sort().join("\n");
}
