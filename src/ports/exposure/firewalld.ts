/**
 * firewalld, from the output of `firewall-cmd --list-all` for its active zones (firewall-cmd(1), firewalld.zone(5)). Services
 * are names for ports, which `firewall-cmd --permanent --service=NAME --get-ports` tells. Pure.
 */
import type { PortRange } from "../../addr/port-range.ts";
import type { HostFirewall, PortQuestion } from "./host-firewall.ts";

export interface Zone {
  readonly name: string;
  /** "default", "ACCEPT", "DROP", "%%REJECT%%" */
  readonly target: string;
  readonly interfaces: readonly string[];
  /** `8080/tcp`, `8000-8010/udp` */
  readonly ports: readonly string[];
  readonly services: readonly string[];
}

/** One zone per paragraph: its name in the first line, then `key: value` lines, indented. */
export function parseZones(text: string): readonly Zone[] {
  return text
    .split(/\n\s*\n/)
    .filter((paragraph) => /^\S/.test(paragraph))
    .map((paragraph) => {
      const fields = new Map(
        paragraph.split("\n").flatMap((line): [string, string][] => {
          const match = /^ {2}([\w-]+):\s*(.*)$/.exec(line);
          return match === null ? [] : [[match[1] ?? "", match[2] ?? ""]];
        }),
      );
      const words = (key: string): readonly string[] =>
        (fields.get(key) ?? "").split(/\s+/).filter((word) => word !== "");
      return {
        name: /^\S+/.exec(paragraph)?.[0] ?? "",
        target: fields.get("target") ?? "default",
        interfaces: words("interfaces"),
        ports: words("ports"),
        services: words("services"),
      };
    });
}

/**
 * A port is denied when a zone with links of the host denies it. `portsOfService` has what each service stands for; Docker's
 * own zone is that of its bridges and does not count. Undefined when no zone is in force.
 */
export function readFirewalld(
  zones: readonly Zone[],
  portsOfService: ReadonlyMap<string, readonly string[]>,
): HostFirewall | undefined {
  const inForce = zones.filter(({ name, interfaces }) => interfaces.length > 0 && name !== "docker");
  if (inForce.length === 0) return undefined;
  const allowed = inForce.map(({ target, ports, services }) => ({
    everything: target === "ACCEPT",
    ports: [...ports, ...services.flatMap((name) => portsOfService.get(name) ?? [])].flatMap(readPort),
  }));
  const isAllowed = (to: PortQuestion): boolean =>
    allowed.every(({ everything, ports }) => everything || ports.some((port) => matches(port, to)));
  return { name: "firewalld", verdict: (to) => (isAllowed(to) ? "allow" : "deny") };
}

interface AllowedPort extends PortRange {
  readonly protocol: string;
}

function readPort(text: string): AllowedPort[] {
  const match = /^(\d+)(?:-(\d+))?\/(\w+)$/.exec(text);
  if (match === null) return [];
  const first = Number(match[1]);
  return [{ first, last: Number(match[2] ?? first), protocol: match[3] ?? "" }];
}

function matches({ first, last, protocol }: AllowedPort, to: PortQuestion): boolean {
  return protocol === to.protocol && to.port >= first && to.port <= last;
}
