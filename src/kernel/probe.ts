/**
 * Which kernel features that Causeway needs are missing, by name, found by trying each in a network namespace that lives as
 * long as the attempt. Trying also has the kernel load the module, so that a feature that is merely not loaded yet is not
 * missing.
 */
import { Worker } from "node:worker_threads";
import { KernelError, type KernelFailure } from "./kernel-error.ts";

/** What the probing thread answers. */
export type ProbeAnswer = { readonly missing: readonly string[] } | { readonly failure: KernelFailure };

/**
 * Names such as "veth", "vxlan", "overlay", "nf_nat", in the order of need; empty when nothing is missing. What only
 * iptables can tell is left out where iptables is not installed. Throws KernelError without CAP_SYS_ADMIN.
 */
export async function probeKernel(): Promise<readonly string[]> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const worker = new Worker(new URL(`./probe-worker.${extension}`, import.meta.url), { name: "probe", execArgv: [] });
  const { promise, resolve, reject } = Promise.withResolvers<ProbeAnswer>();
  worker.once("message", resolve);
  worker.once("error", reject);
  worker.once("exit", () => reject(new KernelError({ operation: "probe the kernel", errno: 0, detail: "no answer" })));
  const answer = await promise;
  await worker.terminate();
  if ("failure" in answer) throw new KernelError(answer.failure);
  return answer.missing;
}
