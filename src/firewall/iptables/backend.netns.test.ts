/** The iptables backend over the machine's own iptables, judged by iptables-save. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { after, before, beforeEach, test } from "node:test";
import { EngineError } from "../../base/errors.ts";
import { firewallContract } from "../firewall.contract.ts";
import { BACKEND, BACKEND_V6, dnsRedirect, DOCKER0 } from "../policies.fixture.ts";
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

firewallContract("iptables", async () => {
  flush();
  return (await open()).firewall;
});

if (hasLegacy)
  firewallContract("iptables-legacy", async () => {
    flush("-legacy");
    return (await open({ programs: LEGACY })).firewall;
  });

test(
  "a lock that another program holds is said to be the reason, and nothing was done",
  {
    skip: hasLegacy ? false : "kernel feature missing: ip_tables",
  },
  async () => {
    flush("-legacy");
    const { firewall } = await open({ programs: LEGACY, lockWaitSeconds: 1 });
    await firewall.reconcile([DOCKER0]);
    const found = rules("iptables-legacy-save");
    const holder = spawn("flock", ["--no-fork", "/run/xtables.lock", "sh", "-c", "echo held; exec sleep 60"]);
    await once(holder.stdout, "data");
    try {
      await assert.rejects(firewall.apply({ add: [BACKEND], remove: [] }), /another program holds the xtables lock/);
      assert.deepEqual(rules("iptables-legacy-save"), found);
    } finally {
      holder.kill();
      await once(holder, "close");
    }
    await firewall.apply({ add: [BACKEND], remove: [] });
    flush("-legacy");
  },
);

test("an ordinary change is one run per family and reads nothing", async () => {
  const { firewall, kernel } = await open();
  await firewall.reconcile([DOCKER0]);
  kernel.runs.length = 0;
  await firewall.apply({ add: [BACKEND, BACKEND_V6], remove: [] });
  await firewall.apply({ add: [], remove: [BACKEND, BACKEND_V6] });
  assert.deepEqual(
    kernel.runs.map(({ command }) => command[0]),
    ["iptables-restore", "ip6tables-restore", "iptables-restore", "ip6tables-restore"],
  );
});

test("a restart that finds everything in place runs no restore", async () => {
  const first = await open();
  await first.firewall.reconcile([DOCKER0, BACKEND]);
  const second = await open({ store: first.store });
  await second.firewall.reconcile([DOCKER0, BACKEND]);
  assert.deepEqual(
    second.kernel.runs.map(({ command }) => command[0]),
    ["iptables-save", "ip6tables-save"],
  );
});

test("users' rules survive changes and restarts, in their order", async () => {
  const { firewall, store } = await open();
  await firewall.reconcile([DOCKER0]);
  const users = [
    "-I FORWARD 1 -s 1.1.1.1/32 -j LOG",
    "-I FORWARD 1 -s 2.2.2.2/32 -j ACCEPT",
    "-A FORWARD -j REJECT --reject-with icmp-host-prohibited",
    "-I DOCKER-USER 1 -s 3.3.3.3/32 -j DROP",
    "-I DOCKER 1 -d 172.17.0.9/32 -p tcp -m tcp --dport 81 -j ACCEPT",
    '-A FORWARD -s 4.4.4.4/32 -m comment --comment "two words" -j DROP',
  ];
  sh("iptables-restore --noflush", `*filter\n${users.join("\n")}\nCOMMIT\n`);
  const theirs = (): string[] => rules().filter((line) => /[1234]\.[1234]\.|172\.17\.0\.9|REJECT/.test(line));
  const start = theirs();
  assert.equal(start.length, users.length);
  await firewall.apply({ add: [BACKEND], remove: [] });
  await firewall.apply({ add: [], remove: [DOCKER0] });
  await (await open({ store })).firewall.reconcile([DOCKER0, BACKEND]);
  assert.deepEqual(theirs(), start);
  const forward = chain("FORWARD");
  assert.deepEqual(forward.slice(0, 2), ["-A FORWARD -j DOCKER-USER", "-A FORWARD -j DOCKER-ISOLATION-STAGE-1"]);
  const reject = forward.findIndex((line) => line.includes("REJECT"));
  assert.ok(forward.every((line, index) => !line.includes("br-backend") || index < reject));
});

test("rules that somebody flushed come back with the next change", async () => {
  const { firewall } = await open();
  await firewall.reconcile([DOCKER0]);
  const before = rules();
  flush();
  await firewall.apply({ add: [BACKEND], remove: [] });
  await firewall.apply({ add: [], remove: [BACKEND] });
  assert.deepEqual(rules().sort(), before.sort());
});

test("what a crash left between two writes is swept by the next start", async () => {
  const { firewall, kernel, store } = await open();
  await firewall.reconcile([DOCKER0]);
  const before = rules();
  kernel.intercept = (command) => {
    if (command[0] === "iptables-save") throw new Error("crashed");
    return undefined;
  };
  // nat is taken, filter fails, and nobody cleans up: as if the process had died between the two
  sh("iptables-restore --noflush", "*filter\n-D FORWARD ! -i docker0 -o docker0 -j DROP\nCOMMIT\n");
  await assert.rejects(firewall.apply({ add: [BACKEND], remove: [DOCKER0] }), /crashed/);
  await (await open({ store })).firewall.reconcile([DOCKER0]);
  assert.deepEqual(rules().sort(), before.sort());
});

test("a network that is gone after a restart takes exactly its own rules along", async () => {
  const first = await open();
  await first.firewall.reconcile([DOCKER0]);
  const before = rules();
  await first.firewall.apply({ add: [BACKEND], remove: [] });
  const foreign = "-A FORWARD -i br-other -o br-other -j ACCEPT";
  sh("iptables-restore --noflush", `*filter\n${foreign}\nCOMMIT\n`);
  await (await open({ store: first.store })).firewall.reconcile([DOCKER0]);
  assert.deepEqual(rules().sort(), [...before, foreign].sort());
});

test("a change that fails in its second family leaves the first as it was", async () => {
  const { firewall, kernel } = await open();
  await firewall.reconcile([DOCKER0]);
  const before = rules();
  kernel.intercept = (command) =>
    command[0] === "ip6tables-restore" ? { exitCode: 2, stdout: "", stderr: "ip6tables-restore: no" } : undefined;
  await assert.rejects(
    firewall.apply({ add: [BACKEND, BACKEND_V6], remove: [DOCKER0] }),
    /status 2: ip6tables-restore: no/,
  );
  assert.deepEqual(rules().sort(), before.sort());
});

test("a run that fails half way is taken back", async () => {
  const { firewall, kernel } = await open();
  await firewall.reconcile([DOCKER0]);
  const before = rules();
  let failures = 2;
  kernel.intercept = (command) => {
    if (command[0] !== "iptables-restore" || failures-- <= 0) return undefined;
    sh("iptables-restore --noflush", "*nat\n-D DOCKER -i docker0 -j RETURN\nCOMMIT\n".repeat(failures));
    return { exitCode: 1, stdout: "", stderr: "iptables-restore: line 5 failed: Out of memory." };
  };
  await assert.rejects(firewall.apply({ add: [], remove: [DOCKER0] }), (error) => {
    assert.ok(error instanceof EngineError);
    assert.match(
      error.message,
      /^change IPv4 firewall rules in the host's namespace: iptables-restore ended with status 1/,
    );
    return true;
  });
  assert.deepEqual(rules().sort(), before.sort());
});

test("a program that is not installed is named with the cure", async () => {
  const programs = { 4: { save: "iptables-save", restore: "no-such-restore" }, 6: { save: "", restore: "" } };
  await assert.rejects(
    open({ programs }),
    /^EngineError: run no-such-restore: .*ENOENT.* \(install it with "apt-get install iptables"/,
  );
});

test("a kernel that cannot filter a family is told from other failures, with the flag that does without", async () => {
  const { firewall, kernel } = await open();
  const stderr =
    "# Warning: something else\nip6tables-save v1.8.9 (legacy): Cannot initialize: can't initialize ip6tables table";
  kernel.intercept = ([program]) => (program === "ip6tables-save" ? { exitCode: 3, stdout: "", stderr } : undefined);
  await assert.rejects(firewall.reconcile([]), (error) => {
    assert.ok(error instanceof EngineError && error.code === "unavailable");
    assert.match(
      error.message,
      /the kernel cannot filter for ip6tables-save \(--ip6tables=false does without\): ip6tables-save/,
    );
    return true;
  });
});

test("the refusal of a rule shows the rule", async () => {
  const { firewall, kernel } = await open();
  await firewall.reconcile([]);
  kernel.intercept = ([program]) =>
    program === "iptables-restore"
      ? { exitCode: 1, stdout: "", stderr: "iptables-restore: line 5 failed: No chain/target/match by that name." }
      : undefined;
  await assert.rejects(
    firewall.apply({ add: [DOCKER0], remove: [] }),
    /by that name\. \(at "-[DI] [A-Z-]+ [^"]*-j [A-Z]+/,
  );
});

test("FORWARD drops by default only where the caller switched forwarding on", async () => {
  const { firewall } = await open({ dropForwarded: [4] });
  await firewall.reconcile([DOCKER0]);
  assert.match(sh("iptables-save -t filter"), /^:FORWARD DROP/m);
  assert.match(sh("ip6tables-save -t filter"), /^:FORWARD ACCEPT/m);
});

test("without ip6tables no IPv6 rule is made", async () => {
  const { firewall } = await open({ ip6tables: false });
  await firewall.reconcile([]);
  await firewall.apply({ add: [BACKEND_V6], remove: [] });
  assert.deepEqual(rules("ip6tables-save"), []);
});

test("the resolver's redirect looks as dockerd's, and leaves nothing when it goes", async () => {
  const { firewall, kernel } = await open();
  await firewall.apply({ add: [dnsRedirect(SANDBOX, 41510, 35683)], remove: [] });
  assert.equal(kernel.runs.length, 1);
  assert.deepEqual(rules("ip netns exec c1 iptables-save"), [
    "-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT",
    "-A POSTROUTING -d 127.0.0.11/32 -j DOCKER_POSTROUTING",
    "-A DOCKER_OUTPUT -d 127.0.0.11/32 -p tcp -m tcp --dport 53 -j DNAT --to-destination 127.0.0.11:35683",
    "-A DOCKER_OUTPUT -d 127.0.0.11/32 -p udp -m udp --dport 53 -j DNAT --to-destination 127.0.0.11:41510",
    "-A DOCKER_POSTROUTING -s 127.0.0.11/32 -p tcp -m tcp --sport 35683 -j SNAT --to-source :53",
    "-A DOCKER_POSTROUTING -s 127.0.0.11/32 -p udp -m udp --sport 41510 -j SNAT --to-source :53",
  ]);
  await firewall.apply({ add: [dnsRedirect(SANDBOX, 1, 2)], remove: [] });
  await firewall.apply({ add: [], remove: [dnsRedirect(SANDBOX, 1, 2)] });
  assert.doesNotMatch(sh("ip netns exec c1 iptables-save"), /DOCKER/);
});

test("a redirect whose namespace is gone is removed without a run", async () => {
  const { firewall, kernel, store } = await open();
  sh("ip netns add c2");
  await firewall.apply({ add: [dnsRedirect("/run/netns/c2")], remove: [] });
  sh("ip netns del c2");
  kernel.runs.length = 0;
  await firewall.apply({ add: [], remove: [dnsRedirect("/run/netns/c2")] });
  assert.equal(kernel.runs.length, 0);
  assert.ok(!existsSync("/run/netns/c2"));
  assert.deepEqual(store.list("firewall"), []);
});
