/**
 * `--link NAME:ALIAS` on the default bridge, as Docker has it: the child is meant by its id from creation on, it must run when
 * the parent starts, and the parent learns of it by its hosts file and by its environment
 * (docs/decisions/0009-link-environment.md). What a link opens, the controller does.
 */
import { formatAddress, type IpAddress } from "../../addr/ip-address.ts";
import { EngineError } from "../../base/errors.ts";
import type { SandboxLink, SandboxView } from "../../controller/cnm.ts";
import type { ContainerLink, ContainerSpec } from "../container-spec.ts";
import { mergeEnvironment } from "../oci/container-config.ts";
import type { ContainerEntry } from "./container-entry.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { ContainerRegistry } from "./container-registry.ts";

const DEFAULT_BRIDGE = "bridge";

/** `NAME:ALIAS`, `NAME`, or `/NAME:/PARENT/ALIAS` as inspect shows it. Throws `invalid-argument`. */
export function parseLink(text: string): ContainerLink {
  if (text === "") throw new EngineError("invalid-argument", "empty string specified for links");
  const parts = text.split(":");
  const [name = "", alias = name] = parts;
  if (parts.length > 2) throw new EngineError("invalid-argument", `bad format for links: ${text}`);
  if (!name.startsWith("/")) return { name, alias };
  return { name: name.slice(1), alias: alias.slice(alias.lastIndexOf("/") + 1) };
}

/** The links with the ids of the containers that are meant. Throws `invalid-argument` for those that cannot be. */
export function resolveLinks(
  registry: ContainerRegistry,
  links: ContainerSpec["links"] = [],
): readonly ContainerLink[] {
  return links.map((link) => {
    let child = childNamed(registry, link.name);
    for (let mode = child.record.spec.network; mode.kind === "container"; mode = child.record.spec.network) {
      child = childNamed(registry, mode.reference);
    }
    if (child.record.spec.network.kind !== "host") return { ...link, name: child.name, id: child.id };
    const why = "host type networking can't be used with links. This would result in undefined behavior";
    throw new EngineError("invalid-argument", `conflicting options: ${why}`);
  });
}

function childNamed(registry: ContainerRegistry, reference: string): ContainerEntry {
  try {
    return registry.find(reference);
  } catch (cause) {
    const text = `could not get container for ${reference}: No such container: ${reference}`;
    throw new EngineError("invalid-argument", text, { cause });
  }
}

/** A child that runs, and where. */
export interface LinkedChild {
  readonly link: ContainerLink;
  readonly child: ContainerRecord;
  readonly addresses: readonly IpAddress[];
}

type SandboxOf = (child: ContainerEntry) => SandboxView | undefined;

/** The children of a parent that is about to start. Throws `internal` when one does not run, or is not on the default bridge. */
export function linkedChildren(
  registry: ContainerRegistry,
  parent: ContainerRecord,
  sandboxOf: SandboxOf,
): readonly LinkedChild[] {
  return (parent.spec.links ?? []).map((link) => {
    const linked = linkedChild(link, registry.get(link.id ?? ""), sandboxOf);
    if (typeof linked !== "string") return linked;
    const texts = {
      "not running": `Cannot link to a non running container: /${link.name} AS /${parent.name}/${link.alias}`,
      elsewhere: `Cannot link to /${link.name}, as it does not belong to the default network`,
    };
    throw new EngineError("internal", texts[linked]);
  });
}

/** Where a link leads now, or why it leads nowhere. */
export function linkedChild(
  link: ContainerLink,
  child: ContainerEntry | undefined,
  sandboxOf: SandboxOf,
): LinkedChild | "not running" | "elsewhere" {
  if (child?.running !== true) return "not running";
  const joined = sandboxOf(child)?.endpoints.find(({ network }) => network.name === DEFAULT_BRIDGE);
  if (joined === undefined) return "elsewhere";
  return { link, child: child.record, addresses: joined.endpoint.addresses.map(({ address }) => address) };
}

/** As the controller wants it: names for hosts in Docker's order, and the child's exposed ports. */
export function sandboxLink({ link, child }: LinkedChild): SandboxLink {
  const names = [...new Set([link.alias, child.hostname, child.name])];
  return { containerId: child.id, names, ports: exposedPorts(child) };
}

function exposedPorts({ spec }: ContainerRecord): SandboxLink["ports"] {
  const ports = spec.exposedPorts.flatMap((text) => {
    const [port = "", name = "tcp"] = text.split("/");
    const protocol = (["tcp", "udp", "sctp"] as const).find((known) => known === name);
    return protocol === undefined ? [] : [{ protocol, port: Number(port) }];
  });
  return ports.toSorted((a, b) => a.port - b.port || Number(b.protocol === "tcp") - Number(a.protocol === "tcp"));
}

/** `ALIAS_PORT_80_TCP_ADDR=...` and the like, for one child (moby `daemon/links`). */
export function linkEnvironment(parent: string, linked: LinkedChild): readonly string[] {
  const alias = linked.link.alias.toUpperCase().replaceAll("-", "_");
  const address = linked.addresses.find(({ family }) => family === 4) ?? linked.addresses[0];
  const host = address === undefined ? "" : formatAddress(address);
  const ports = exposedPorts(linked.child);
  const [first] = ports;
  return [
    ...(first === undefined ? [] : [`${alias}_PORT=${first.protocol}://${host}:${first.port}`]),
    ...ports.flatMap((port) => portVariables(alias, host, port)),
    ...contiguous(ports).flatMap((range) => rangeVariables(alias, host, range)),
    `${alias}_NAME=/${parent}/${linked.link.alias}`,
    ...childVariables(linked.child).map((variable) => `${alias}_ENV_${variable}`),
  ];
}

type Port = SandboxLink["ports"][number];

function portVariables(alias: string, host: string, { protocol, port }: Port): readonly string[] {
  const name = `${alias}_PORT_${port}_${protocol.toUpperCase()}`;
  return [
    `${name}=${protocol}://${host}:${port}`,
    `${name}_ADDR=${host}`,
    `${name}_PORT=${port}`,
    `${name}_PROTO=${protocol}`,
  ];
}

function rangeVariables(alias: string, host: string, [first, last]: readonly [Port, Port]): readonly string[] {
  const name = `${alias}_PORT_${first.port}_${first.protocol.toUpperCase()}`;
  return [
    `${name}_START=${first.protocol}://${host}:${first.port}`,
    `${name}_PORT_START=${first.port}`,
    `${name}_END=${last.protocol}://${host}:${last.port}`,
    `${name}_PORT_END=${last.port}`,
  ];
}

/** Runs of two or more ports of one protocol, each one above the other. */
function contiguous(ports: readonly Port[]): readonly (readonly [Port, Port])[] {
  const ranges: [Port, Port][] = [];
  for (const port of ports) {
    const open = ranges.find(([, last]) => last.protocol === port.protocol && last.port === port.port - 1);
    if (open === undefined) ranges.push([port, port]);
    else open[1] = port;
  }
  return ranges.filter(([first, last]) => first !== last);
}

/** What the child was given, without what every container has. */
function childVariables({ spec, inherited }: ContainerRecord): readonly string[] {
  const variables = mergeEnvironment(inherited.imageEnvironment, spec.environment);
  return variables.filter((variable) => !/^(HOME|PATH)=/.test(variable));
}
