/**
 * What address management throws, in Docker's words. Exhaustion has a class of its own: the sentence that users see names
 * the network, which only the controller knows, so it catches `NoAvailableAddresses` and says
 * `no available IPv4 addresses on this network's address pools: NAME (ID)`.
 */
import { EngineError } from "../base/errors.ts";

/** Every address of the pool (or of its range) is leased. Recognise it with `instanceof`. */
export class NoAvailableAddresses extends EngineError {
  constructor(options?: ErrorOptions) {
    super("internal", "no available addresses on this pool", options);
  }
}

export function poolsUsedUp(): EngineError {
  return new EngineError("invalid-argument", "all predefined address pools have been fully subnetted");
}

export function poolOverlaps(): EngineError {
  return new EngineError("forbidden", "invalid pool request: Pool overlaps with other one on this address space");
}

export function invalidPool(): EngineError {
  return new EngineError("invalid-argument", "invalid address pool");
}

export function addressInUse(): EngineError {
  return new EngineError("forbidden", "Address already in use");
}

export function addressOutOfRange(): EngineError {
  return new EngineError("invalid-argument", "Requested address is out of range");
}

export function poolNotFound(poolId: string): EngineError {
  return new EngineError("not-found", `cannot find address pool for poolID:${poolId}`);
}
