/**
 * The PORTS column, as docker draws it: ports that are the same outside and inside, or not published, in runs
 * (`53-54/udp`, `0.0.0.0:80-81->80-81/tcp`); behind them each other mapping by itself (`0.0.0.0:8080->80/tcp`).
 */
import { asNumber, asObject, asText } from "../client/json-access.ts";
import type { ApiJson } from "../client/json-text.ts";

interface Port {
  readonly ip: string;
  readonly inside: number;
  readonly outside: number;
  readonly protocol: string;
}

interface Run {
  readonly first: Port;
  last: number;
}

/** From the `Ports` of a container summary. */
export function displayPorts(ports: readonly ApiJson[]): string {
  const sorted = ports.map(readPort).sort(comparePorts);
  const finished: string[] = [];
  const mappings: string[] = [];
  const runs = new Map<string, Run>();
  for (const port of sorted) {
    if (port.ip !== "" && port.outside !== port.inside) {
      mappings.push(`${join(port.ip, String(port.outside))}->${port.inside}/${port.protocol}`);
      continue;
    }
    const key = `${port.ip}/${port.protocol}`;
    const run = runs.get(key);
    if (run !== undefined && port.inside === run.last + 1) run.last = port.inside;
    else {
      if (run !== undefined) finished.push(formatRun(run));
      runs.set(key, { first: port, last: port.inside });
    }
  }
  return [...finished, ...[...runs.values()].map(formatRun), ...mappings].join(", ");
}

function readPort(json: ApiJson): Port {
  const port = asObject(json);
  return {
    ip: asText(port["IP"]),
    inside: asNumber(port["PrivatePort"]),
    outside: asNumber(port["PublicPort"]),
    protocol: asText(port["Type"]),
  };
}

function comparePorts(a: Port, b: Port): number {
  if (a.inside !== b.inside) return a.inside - b.inside;
  if (a.ip !== b.ip) return a.ip < b.ip ? -1 : 1;
  return a.outside - b.outside || (a.protocol < b.protocol ? -1 : Number(a.protocol > b.protocol));
}

function formatRun({ first, last }: Run): string {
  const range = first.inside === last ? String(last) : `${first.inside}-${last}`;
  return `${first.ip === "" ? "" : `${join(first.ip, range)}->`}${range}/${first.protocol}`;
}

function join(ip: string, port: string): string {
  return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}
