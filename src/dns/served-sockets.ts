/**
 * The sockets of one sandbox's resolver: opened inside its namespace through the kernel thread, kept and closed on the main
 * thread, so that a dns worker that dies can be replaced without the ports changing or a query being lost.
 */
import { closeSync } from "node:fs";
import { formatAddress, type IpAddress } from "../addr/ip-address.ts";
import { EngineError } from "../base/errors.ts";
import type { NamespaceRef } from "../kernel/facts.ts";
import { KernelError } from "../kernel/kernel-error.ts";
import type { Kernel, OpenedSocket } from "../kernel/kernel.ts";
import type { ResolverPorts } from "./dns.ts";
import { RESOLVER_ADDRESS } from "./resolv-conf.ts";
import type { ServedSockets } from "./worker-protocol.ts";

export interface ServedSandbox extends ServedSockets, ResolverPorts {
  readonly namespace: NamespaceRef;
}

const EPHEMERAL: ResolverPorts = { udpPort: 0, tcpPort: 0 };

export interface ServedPlace {
  readonly sandboxId: string;
  readonly namespace: NamespaceRef;
  /** 127.0.0.11 when left out. */
  readonly address?: IpAddress;
  /** Ports to take if they are free. */
  readonly preferred?: ResolverPorts;
}

/** Equivalent to: nothing that a tool does; `ss -lntu` inside the namespace shows both, with this process. */
export async function openServedSockets(
  kernel: Pick<Kernel, "openSockets">,
  { sandboxId, namespace, address = RESOLVER_ADDRESS, preferred }: ServedPlace,
): Promise<ServedSandbox> {
  const at = { namespace, address };
  const opened = await bindSockets(kernel, at, preferred ?? EPHEMERAL).catch((cause: unknown) => {
    if (preferred === undefined || !isTaken(cause)) throw cause;
    return bindSockets(kernel, at, EPHEMERAL);
  });
  const [udp, tcp] = opened;
  if (udp === undefined || tcp === undefined) {
    for (const { fd } of opened) closeSync(fd);
    throw new EngineError("internal", `open DNS sockets: two wanted, ${opened.length} opened`);
  }
  return { sandboxId, namespace, udpFd: udp.fd, udpPort: udp.port, tcpFd: tcp.fd, tcpPort: tcp.port };
}

async function bindSockets(
  kernel: Pick<Kernel, "openSockets">,
  at: { readonly namespace: NamespaceRef; readonly address: IpAddress },
  { udpPort, tcpPort }: ResolverPorts,
): Promise<readonly OpenedSocket[]> {
  const address = formatAddress(at.address);
  return kernel.openSockets(at.namespace, [
    { transport: "udp", family: 4, bind: { address, port: udpPort } },
    { transport: "tcp", family: 4, bind: { address, port: tcpPort } },
  ]);
}

/** Somebody inside took the port while nobody served; ports below 1024 may be forbidden to bind again. */
function isTaken(cause: unknown): boolean {
  return cause instanceof KernelError && ["EADDRINUSE", "EACCES"].includes(cause.code);
}

export function closeServedSockets(served: ServedSandbox): void {
  closeSync(served.udpFd);
  closeSync(served.tcpFd);
}
