/** nf_tables through the kernel thread. */
import { after, before } from "node:test";
import type { Kernel } from "../kernel.ts";
import { requirePrivateNamespace, sh } from "../testing/netns.ts";
import { openKernelThread } from "../thread.ts";
import { nftablesContract } from "./nftables.contract.ts";

let kernel: Kernel;

before(async () => {
  requirePrivateNamespace();
  kernel = await openKernelThread();
});
after(() => kernel[Symbol.asyncDispose]());

nftablesContract("the kernel thread", () => {
  sh("nft flush ruleset");
  return Promise.resolve(kernel);
});
