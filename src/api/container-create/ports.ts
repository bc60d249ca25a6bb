/**
 * Exposed and published ports of a create request. Publishing is not built yet: to accept it silently would leave users
 * without the port they asked for, so it is refused; only in host mode, where Docker discards it, it is a warning.
 */
import { EngineError } from "../../base/errors.ts";
import type { NetworkMode } from "../../engine/container-spec.ts";
import type { ContainerCreateRequest } from "../schema/container-bodies.ts";

export interface Ports {
  /** `80/tcp` */
  readonly exposed: readonly string[];
  readonly warnings: readonly string[];
}

/** Throws `invalid-argument` for what is no port, `not-implemented` for published ones. */
export function parsePorts(request: ContainerCreateRequest, network: NetworkMode): Ports {
  const bindings = Object.entries(request.HostConfig?.PortBindings ?? {});
  const exposed = [...(request.ExposedPorts ?? []), ...bindings.map(([port]) => port)].map(parsePort);
  for (const { HostPort = "" } of bindings.flatMap(([, list]) => list)) validateHostPort(HostPort);
  const publishes = bindings.length > 0 || request.HostConfig?.PublishAllPorts === true;
  return { exposed: [...new Set(exposed)], warnings: publishes ? publishing(bindings.length > 0, network) : [] };
}

function publishing(explicit: boolean, network: NetworkMode): readonly string[] {
  if (network.kind === "host") return ["Published ports are discarded when using host network mode"];
  if (explicit) throw new EngineError("not-implemented", "published ports are not implemented yet");
  return ["Publishing all exposed ports is not implemented yet and was discarded."];
}

/** `80` or `80/tcp` to `80/tcp`. */
function parsePort(text: string): string {
  const match = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(text);
  const port = Number(match?.[1] ?? "0");
  if (match === null || port > 65535 || port === 0) {
    throw new EngineError("invalid-argument", `invalid port specification: ${JSON.stringify(text)}`);
  }
  return `${port}/${(match[2] ?? "tcp").toLowerCase()}`;
}

/** Empty, a port, or a range of ports. */
function validateHostPort(text: string): void {
  const parts = text === "" ? [] : text.split("-");
  if (parts.length <= 2 && parts.every((part) => /^\d{1,5}$/.test(part) && Number(part) <= 65535)) return;
  throw new EngineError("invalid-argument", `invalid port specification: ${JSON.stringify(text)}`);
}
