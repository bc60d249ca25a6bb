/** The kernel thread under the contract of every Kernel; the others are `ip`. */
import { before } from "node:test";
import { kernelContract } from "./kernel.contract.ts";
import { requirePrivateNamespace, sh } from "./testing/netns.ts";
import { openKernelThread } from "./thread.ts";

before(() => requirePrivateNamespace());

kernelContract({
  open: () => openKernelThread(),
  // Its other end is where nobody looks.
  addForeignLink: (_, name) => void sh(`ip netns add far; ip link add ${name} type veth peer name far netns far`),
  removeForeignLink: (_, name) => void sh(`ip link del ${name}; ip netns del far`),
  addForeignBridge: (_, name) => void sh(`ip link add ${name} type bridge`),
  removeForeignBridge: (_, name) => void sh(`ip link del ${name}`),
});
