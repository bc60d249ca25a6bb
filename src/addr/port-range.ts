/** Ranges of TCP, UDP and SCTP ports as plain values; a single port is a range of one. */

/** Both ends belong to it; 1 to 65535 each, `first` not above `last`. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** How many ports. */
export function portCount({ first, last }: PortRange): number {
  return last - first + 1;
}

/** Whether the two share a port. */
export function portsOverlap(a: PortRange, b: PortRange): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** Whether both ends are ports and in order. */
export function isPortRange({ first, last }: PortRange): boolean {
  return [first, last].every((port) => Number.isInteger(port) && port >= 1 && port <= 65535) && first <= last;
}

/** `80`, or `8000-8010`. */
export function formatPorts({ first, last }: PortRange, separator = "-"): string {
  return first === last ? String(first) : `${first}${separator}${last}`;
}
