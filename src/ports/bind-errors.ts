/** Why a host port could not be had, in dockerd's sentences (moby `portallocator`, `drivers/bridge/port_mapping_linux.go`). */
import { constants } from "node:os";
import { getSystemErrorMessage } from "node:util";
import { formatAddress, type IpAddress } from "../addr/ip-address.ts";
import { EngineError } from "../base/errors.ts";
import type { PortWish } from "./ports.ts";

/** Another container has it. */
export function alreadyAllocated(address: IpAddress, port: number): EngineError {
  return new EngineError("internal", `Bind for ${formatAddress(address)}:${port} failed: port is already allocated`);
}

export function allAllocated(): EngineError {
  return new EngineError("internal", "all ports are allocated");
}

/** The kernel refused, mostly because a program of the host has it. */
export function cannotBind(
  wish: PortWish,
  place: { address: IpAddress; port: number },
  cause: KernelRefusal,
): EngineError {
  const where = `${formatAddress(place.address)}:${place.port}:${wish.target}/${wish.protocol}`;
  return new EngineError("internal", `failed to bind host port for ${where}: ${sentence(cause.errno)}`, { cause });
}

interface KernelRefusal {
  readonly errno: number;
}

const { EADDRINUSE, EADDRNOTAVAIL, EACCES, EMFILE, EPROTONOSUPPORT } = constants.errno;

/** As the C library and Go say it; libuv has words of its own for some. */
const SENTENCES: ReadonlyMap<number, string> = new Map([
  [EADDRINUSE, "address already in use"],
  [EADDRNOTAVAIL, "cannot assign requested address"],
  [EACCES, "permission denied"],
  [EMFILE, "too many open files"],
  [EPROTONOSUPPORT, "protocol not supported"],
]);

function sentence(errno: number): string {
  return SENTENCES.get(errno) ?? getSystemErrorMessage(-errno);
}
