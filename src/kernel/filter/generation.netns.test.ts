/** Changes of rules show, whoever makes them; looking shows nothing and makes nothing. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, before, test } from "node:test";
import { HOST } from "../facts.ts";
import type { Kernel } from "../kernel.ts";
import { requirePrivateNamespace, sh } from "../testing/netns.ts";
import { openKernelThread } from "../thread.ts";

let kernel: Kernel;
before(async () => {
  requirePrivateNamespace();
  kernel = await openKernelThread();
});
after(() => kernel[Symbol.asyncDispose]());

test("a change of nf_tables shows, and reading none", async () => {
  const first = await kernel.filterGeneration(HOST);
  assert.ok(first.exact);
  sh("nft list ruleset; iptables-save");
  assert.deepEqual(await kernel.filterGeneration(HOST), first);
  sh("nft add table ip t");
  const second = await kernel.filterGeneration(HOST);
  assert.notEqual(second.id, first.id);
  sh("iptables-restore --noflush </dev/null; nft delete table ip t");
  assert.notEqual((await kernel.filterGeneration(HOST)).id, second.id);
});

test("asking makes no legacy tables", async () => {
  await kernel.filterGeneration(HOST);
  const { stdout } = spawnSync("cat", ["/proc/net/ip_tables_names"], { encoding: "utf8" });
  assert.equal(stdout, "");
});

const hasLegacy = spawnSync("sh", ["-c", "unshare -n iptables-legacy -L -n"]).status === 0;

test(
  "a change of legacy tables shows where it changes their size",
  { skip: hasLegacy ? false : "kernel feature missing: ip_tables" },
  async () => {
    sh("iptables-legacy -A INPUT -s 9.9.9.9/32 -j DROP");
    const first = await kernel.filterGeneration(HOST);
    assert.ok(!first.exact);
    assert.deepEqual(await kernel.filterGeneration(HOST), first);
    sh("iptables-legacy -F INPUT");
    assert.notEqual((await kernel.filterGeneration(HOST)).id, first.id);
  },
);
