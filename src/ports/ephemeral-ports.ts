/**
 * The ports that are given out when nobody asks for a certain one: `net.ipv4.ip_local_port_range` of the daemon's namespace
 * without `net.ipv4.ip_local_reserved_ports` (kernel documentation, networking/ip-sysctl).
 */
import type { PortRange } from "../addr/port-range.ts";
import { HOST } from "../kernel/facts.ts";
import type { Kernel } from "../kernel/kernel.ts";

export interface EphemeralPorts {
  readonly range: PortRange;
  readonly reserved: ReadonlySet<number>;
}

/** Docker's, where the kernel does not say. */
const FALLBACK: PortRange = { first: 49153, last: 65535 };

/** As it is now: both can be changed at any time. */
export async function readEphemeralPorts(kernel: Pick<Kernel, "readSysctl">): Promise<EphemeralPorts> {
  const [range, reserved] = await Promise.all([
    kernel.readSysctl(HOST, "net/ipv4/ip_local_port_range"),
    kernel.readSysctl(HOST, "net/ipv4/ip_local_reserved_ports"),
  ]);
  return { range: parseLocalRange(range ?? ""), reserved: parseReserved(reserved ?? "") };
}

/** Two numbers and white space between them. */
export function parseLocalRange(text: string): PortRange {
  const match = /^(\d{1,5})\s+(\d{1,5})$/.exec(text.trim());
  const [first, last] = [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0)];
  return first >= 1 && first <= last && last <= 65535 ? { first, last } : FALLBACK;
}

/** Ports and ranges with commas between them: `8080,9000-9010`. */
export function parseReserved(text: string): ReadonlySet<number> {
  const ports = new Set<number>();
  for (const part of text.trim().split(",")) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part);
    if (match === null) continue;
    const first = Number(match[1]);
    const last = Math.min(Number(match[2] ?? first), 65535);
    for (let port = first; port <= last; port++) ports.add(port);
  }
  return ports;
}
