/** The nftables backend over the kernel's nf_tables, judged by nft. */
import { after, before } from "node:test";
import { silentLog } from "../../base/log.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { requirePrivateNamespace, sh } from "../../kernel/testing/netns.ts";
import { openKernelThread } from "../../kernel/thread.ts";
import { firewallContract } from "../firewall.contract.ts";
import { openNftablesFirewall } from "./backend.ts";

let kernel: Kernel;

before(async () => {
  requirePrivateNamespace();
  kernel = await openKernelThread();
});
after(() => kernel[Symbol.asyncDispose]());

firewallContract("nftables", async () => {
  sh("nft flush ruleset");
  return openNftablesFirewall({ kernel, log: silentLog, ip6: true });
});
