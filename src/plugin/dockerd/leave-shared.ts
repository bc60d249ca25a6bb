/**
 * The cluster's network goes with the last host's. Who else is on it is asked by the removal itself; dockerd does not let itself
 * be kept from removing its own, so where the store is away the question is put off until it is back.
 */
import { EngineError, messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Controller } from "../../controller/controller.ts";
import type { Bindings } from "./bindings.ts";
import { sharedNetworks } from "./shared-network.ts";

export interface LeavingParts {
  readonly controller: Controller;
  readonly bindings: Bindings;
  readonly log: Log;
}

/** This host's binding to the network is gone already. */
export async function leaveShared({ controller, bindings, log }: LeavingParts, networkId: string): Promise<void> {
  bindings.putLeft(networkId);
  try {
    await controller.removeNetwork(networkId);
  } catch (cause) {
    if (!(cause instanceof EngineError) || !["forbidden", "not-found", "unavailable"].includes(cause.code)) throw cause;
    log.info({ network: networkId, reason: cause.message }, "the network stays in the cluster");
    if (cause.code === "unavailable") return;
  }
  bindings.removeLeft(networkId);
}

/** To be called at a start and whenever the store is back. Never throws. */
export async function leaveLate(parts: LeavingParts): Promise<void> {
  const { controller, bindings, log } = parts;
  for (const id of bindings.left()) {
    const name = sharedNetworks(controller).find((network) => network.id === id)?.name;
    const isBoundAgain = bindings.all().some((binding) => binding.name === name);
    if (name === undefined || isBoundAgain) bindings.removeLeft(id);
    else
      await leaveShared(parts, id).catch((cause: unknown) => {
        log.warn({ network: name, err: cause }, `network ${name} is not left: ${messageOf(cause)}`);
      });
  }
}
