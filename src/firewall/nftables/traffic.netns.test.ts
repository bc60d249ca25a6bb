/** Real packets through the rules of nftables. */
import { after, before } from "node:test";
import { silentLog } from "../../base/log.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { requirePrivateNamespace } from "../../kernel/testing/netns.ts";
import { openKernelThread } from "../../kernel/thread.ts";
import { trafficContract } from "../traffic.contract.ts";
import { openNftablesFirewall } from "./backend.ts";

let kernel: Kernel;

before(async () => {
  requirePrivateNamespace();
  kernel = await openKernelThread();
});
after(() => kernel[Symbol.asyncDispose]());

trafficContract("nftables", () => openNftablesFirewall({ kernel, log: silentLog, ip6: true }));
