/**
 * Exposed and published ports of a create request (Docker API v1.51: `ExposedPorts`, `HostConfig.PortBindings`,
 * `HostConfig.PublishAllPorts`). In host mode there is nothing to publish: Docker discards it with a warning.
 */
import { tryParseAddress, type IpAddress } from "../../addr/ip-address.ts";
import type { PortRange } from "../../addr/port-range.ts";
import { EngineError } from "../../base/errors.ts";
import type { PortRequest } from "../../controller/cnm.ts";
import type { ContainerSpec, NetworkMode } from "../../engine/container-spec.ts";
import type { ContainerCreateRequest } from "../schema/container-bodies.ts";

export interface Ports {
  /** `80/tcp` */
  readonly exposed: readonly string[];
  readonly publish: ContainerSpec["publish"];
  readonly warnings: readonly string[];
}

const NOTHING: ContainerSpec["publish"] = { ports: [], allExposed: false };

/** Throws `invalid-argument` for what is no port. */
export function parsePorts(request: ContainerCreateRequest, network: NetworkMode): Ports {
  const bindings = Object.entries(request.HostConfig?.PortBindings ?? {});
  const keys = [...(request.ExposedPorts ?? []), ...bindings.map(([port]) => port)];
  const exposed = [...new Set(keys.map((key) => portText(parsePort(key))))];
  const ports = bindings.flatMap(([key, list]) => parseBindings(parsePort(key), list)).toSorted(comparePorts);
  const allExposed = request.HostConfig?.PublishAllPorts ?? false;
  const isDiscarded = network.kind === "host" && (bindings.length > 0 || allExposed);
  if (isDiscarded) {
    const warnings = ["Published ports are discarded when using host network mode"];
    return { exposed, publish: NOTHING, warnings };
  }
  return { exposed, publish: { ports, allExposed }, warnings: [] };
}

type Port = Pick<PortRequest, "protocol" | "containerPort">;

/** `80` or `80/tcp`. */
function parsePort(text: string): Port {
  const match = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const containerPort = Number(match?.[1] ?? "0");
  const name = (match?.[2] ?? "tcp").toLowerCase();
  const protocol = (["tcp", "udp", "sctp"] as const).find((known) => known === name);
  if (match === null || protocol === undefined || containerPort > 65535 || containerPort === 0) throw invalid(text);
  return { protocol, containerPort };
}

function portText({ containerPort, protocol }: Port): string {
  return `${containerPort}/${protocol}`;
}

interface Binding {
  readonly HostIp?: string;
  readonly HostPort?: string;
}

/** A port without any binding means, up to API 1.52, one of the ephemeral ports. */
function parseBindings(port: Port, list: readonly Binding[]): readonly PortRequest[] {
  return (list.length === 0 ? [{}] : list).map(({ HostIp = "", HostPort = "" }: Binding): PortRequest => {
    const hostAddress = parseHostAddress(HostIp);
    const hostPorts = parseHostPorts(HostPort);
    return {
      ...port,
      ...(hostAddress === undefined ? {} : { hostAddress }),
      ...(hostPorts === undefined ? {} : { hostPorts }),
    };
  });
}

/** An address that nobody named is chosen by the network. */
function parseHostAddress(text: string): IpAddress | undefined {
  if (text === "") return undefined;
  const address = tryParseAddress(text.replace(/^\[(.*)\]$/, "$1"));
  if (address === undefined) throw new EngineError("invalid-argument", `invalid IP address: ${text}`);
  return address;
}

/** Empty or 0, a port, or a range of ports. */
function parseHostPorts(text: string): PortRange | undefined {
  if (text === "" || text === "0") return undefined;
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const first = Number(match?.[1] ?? 0);
  const last = Number(match?.[2] ?? first);
  if (match === null || first === 0 || last < first || last > 65535) throw invalid(text);
  return { first, last };
}

function comparePorts(a: PortRequest, b: PortRequest): number {
  if (a.containerPort !== b.containerPort) return a.containerPort - b.containerPort;
  return a.protocol < b.protocol ? -1 : Number(a.protocol > b.protocol);
}

function invalid(text: string): EngineError {
  return new EngineError("invalid-argument", `invalid port specification: ${JSON.stringify(text)}`);
}
