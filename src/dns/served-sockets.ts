/**
 * The sockets of one sandbox's resolver: opened inside its namespace through the kernel thread, kept and closed on the main
 * thread, so that a dns worker that dies can be replaced without the ports changing or a query being lost.
 */
import { closeSync } from "node:fs";
import { formatAddress } from "../addr/ip-address.ts";
import { EngineError } from "../base/errors.ts";
import type { NamespaceRef } from "../kernel/facts.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { RESOLVER_ADDRESS } from "./resolv-conf.ts";
import type { ServedSockets } from "./worker-protocol.ts";

export interface ServedSandbox extends ServedSockets {
  readonly namespace: NamespaceRef;
  readonly udpPort: number;
  readonly tcpPort: number;
}

/** Equivalent to: nothing that a tool does; `ss -lntu` inside the namespace shows both, with this process. */
export async function openServedSockets(
  kernel: Pick<Kernel, "openSockets">,
  sandboxId: string,
  namespace: NamespaceRef,
): Promise<ServedSandbox> {
  const bind = { address: formatAddress(RESOLVER_ADDRESS), port: 0 };
  const opened = await kernel.openSockets(namespace, [
    { transport: "udp", family: 4, bind },
    { transport: "tcp", family: 4, bind },
  ]);
  const [udp, tcp] = opened;
  if (udp === undefined || tcp === undefined) {
    for (const { fd } of opened) closeSync(fd);
    throw new EngineError("internal", `open DNS sockets: two wanted, ${opened.length} opened`);
  }
  return { sandboxId, namespace, udpFd: udp.fd, udpPort: udp.port, tcpFd: tcp.fd, tcpPort: tcp.port };
}

export function closeServedSockets(served: ServedSandbox): void {
  closeSync(served.udpFd);
  closeSync(served.tcpFd);
}
