/**
 * Lent endpoints whose sandbox ended while we did not run, because the other engine ended it or the machine restarted: nobody
 * will give them back, or nobody minds when they are gone already.
 */
import { messageOf } from "../../base/errors.ts";
import type { EndpointIntent } from "../../drivers/intent.ts";
import { KernelError } from "../../kernel/kernel-error.ts";
import { releaseAddresses } from "../lease-addresses.ts";
import type { World } from "../world.ts";
import { lentEndpoints } from "./lent-state.ts";

/** What the cluster knows of them is taken back when everything is compared. */
export async function forgetLostLent(world: World): Promise<void> {
  for (const { intent } of lentEndpoints(world.registry)) {
    const { sandboxKey } = intent.lent ?? {};
    if (sandboxKey === undefined || (await isThere(world, sandboxKey))) continue;
    world.log.info({ endpoint: intent.id, sandbox: sandboxKey }, "the sandbox of a lent endpoint is gone");
    await release(world, intent);
    world.registry.commit({ remove: { endpoints: [intent.id] } });
  }
}

async function release(world: World, endpoint: EndpointIntent): Promise<void> {
  const network = world.registry.network(endpoint.networkId)?.intent;
  if (network === undefined) return;
  await releaseAddresses(world, network, endpoint).catch((cause: unknown) => {
    world.log.error({ endpoint: endpoint.id, err: cause }, `addresses are not given back: ${messageOf(cause)}`);
  });
}

/** The file stays for a while after dockerd has unmounted the namespace from it; it is no namespace then. */
const GONE: readonly string[] = ["ENOENT", "EINVAL"];

/** Where that cannot be told, it is. */
export async function isThere({ kernel }: Pick<World, "kernel">, sandboxKey: string): Promise<boolean> {
  try {
    await kernel.observe(sandboxKey);
    return true;
  } catch (cause) {
    return !(cause instanceof KernelError && GONE.includes(cause.code));
  }
}
