/** The kernel thread under the contract of every Kernel; the others are `ip`. */
import { before } from "node:test";
import { kernelContract } from "./kernel.contract.ts";
import { requirePrivateNamespace, sh } from "./testing/netns.ts";
import { openKernelThread } from "./thread.ts";

before(() => requirePrivateNamespace());

kernelContract({
  open: () => openKernelThread(),
  addForeignBridge: (_, name) => void sh(`ip link add ${name} type bridge`),
  removeForeignBridge: (_, name) => void sh(`ip link del ${name}`),
});
