/** The fake under the contract of every Kernel. */
import assert from "node:assert/strict";
import { HOST, type LinkFact } from "./facts.ts";
import { FakeKernel } from "./fake.ts";
import type { Kernel } from "./kernel.ts";
import { kernelContract } from "./kernel.contract.ts";

const foreign = (name: string): LinkFact => {
  return { kind: "link", namespace: HOST, name, device: { type: "bridge" }, up: true };
};

function fake(kernel: Kernel): FakeKernel {
  assert.ok(kernel instanceof FakeKernel);
  return kernel;
}

kernelContract({
  open: async () => Promise.resolve(new FakeKernel()),
  addForeignLink: (kernel, name) => fake(kernel).meddle({ add: foreign(name) }),
  removeForeignLink: (kernel, name) => fake(kernel).meddle({ remove: foreign(name) }),
  addForeignBridge: (kernel, name) => fake(kernel).meddle({ add: foreign(name) }),
  removeForeignBridge: (kernel, name) => fake(kernel).meddle({ remove: foreign(name) }),
});
