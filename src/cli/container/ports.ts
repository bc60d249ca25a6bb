/** `--publish` and `--expose` as the API wants them: `[hostIP:][hostPort:]containerPort[/protocol]`, ports also as ranges. */
import { tryParseAddress } from "../../addr/ip-address.ts";
import { CliFailure } from "../failure.ts";

export interface PortBinding {
  readonly HostIp: string;
  readonly HostPort: string;
}

/** `80/tcp` to its bindings; an exposed port has none. */
export type PortMap = Record<string, PortBinding[]>;

export interface Ports {
  readonly exposed: readonly string[];
  readonly bindings: PortMap;
}

/** Throws CliFailure with docker's sentence for a port that cannot be. */
export function parsePorts(publish: readonly string[], expose: readonly string[]): Ports {
  const bindings: PortMap = {};
  for (const spec of publish.flatMap(parseBinding)) (bindings[spec.port] ??= []).push(spec.binding);
  const exposed = new Set([...Object.keys(bindings), ...expose.flatMap(parseExposed)]);
  return { exposed: [...exposed], bindings };
}

interface Binding {
  readonly port: string;
  readonly binding: PortBinding;
}

function parseBinding(text: string): Binding[] {
  if (text.includes("=")) return parseBinding(longForm(text));
  const [rest = "", protocol = "tcp"] = splitProtocol(text);
  const { host, hostPort, containerPort } = splitColons(rest);
  if (containerPort === "") throw new CliFailure(`no port specified: ${text}<empty>`);
  if (host !== "" && tryParseAddress(host) === undefined) throw new CliFailure(`invalid IP address: ${host}`);
  const target = parseRange(containerPort);
  if (target === undefined) throw new CliFailure(`invalid containerPort: ${containerPort}`);
  const source = hostPort === "" ? undefined : parseRange(hostPort);
  if (hostPort !== "" && source === undefined) throw new CliFailure(`invalid hostPort: ${hostPort}`);
  assertProtocol(protocol);
  const [count, hostCount] = [target.last - target.first, source === undefined ? 0 : source.last - source.first];
  if (source !== undefined && hostCount !== count && count !== 0) {
    throw new CliFailure(`invalid ranges specified for container and host Ports: ${containerPort} and ${hostPort}`);
  }
  return Array.from({ length: count + 1 }, (_, index) => ({
    port: `${target.first + index}/${protocol}`,
    binding: { HostIp: host, HostPort: source === undefined ? "" : hostPortAt(source, index, hostCount !== count) },
  }));
}

function hostPortAt(source: Range, index: number, choice: boolean): string {
  return choice ? `${source.first}-${source.last}` : String(source.first + index);
}

/** `published=8080,target=80,protocol=udp` */
function longForm(text: string): string {
  const fields = new Map<string, string>();
  for (const field of text.split(",")) {
    const [key = "", value] = field.split("=");
    if (value === undefined) throw new CliFailure(`invalid field: ${field}`);
    if (!/^(protocol|mode|target|published)$/.test(key)) throw new CliFailure(`invalid field key: ${key}`);
    fields.set(key, value);
  }
  const target = fields.get("target") ?? "";
  return `${fields.get("published") ?? ""}:${target}/${fields.get("protocol") ?? "tcp"}`;
}

function splitProtocol(text: string): string[] {
  const slash = text.lastIndexOf("/");
  return slash < 0 ? [text] : [text.slice(0, slash), text.slice(slash + 1).toLowerCase()];
}

function splitColons(text: string): { host: string; hostPort: string; containerPort: string } {
  const parts = text.split(":");
  const containerPort = parts.pop() ?? "";
  const hostPort = parts.pop() ?? "";
  return { host: parts.join(":").replace(/^\[(.*)\]$/, "$1"), hostPort, containerPort };
}

interface Range {
  readonly first: number;
  readonly last: number;
}

function parseRange(text: string): Range | undefined {
  const match = /^(\d+)(?:-(\d+))?$/.exec(text);
  if (match === null) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
  return last < first || last > 65_535 ? undefined : { first, last };
}

function assertProtocol(protocol: string): void {
  if (!/^(tcp|udp|sctp)$/.test(protocol)) throw new CliFailure(`invalid proto: ${protocol}`);
}

function parseExposed(text: string): string[] {
  if (text.includes(":")) throw new CliFailure(`invalid port format for --expose: ${text}`);
  const [rest = "", protocol = "tcp"] = splitProtocol(text);
  const range = parseRange(rest);
  if (range === undefined) throw new CliFailure(`invalid range format for --expose: ${rest}, error: invalid port`);
  return Array.from({ length: range.last - range.first + 1 }, (_, index) => `${range.first + index}/${protocol}`);
}
