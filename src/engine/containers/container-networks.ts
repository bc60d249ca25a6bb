/**
 * A container's place in the networks: from its settings to the controller's sandbox and endpoints at start, and connect and
 * disconnect while it runs or waits. Messages are Docker's; what the networks themselves allow, the controller checks.
 */
import { EngineError } from "../../base/errors.ts";
import { shortId } from "../../base/ids.ts";
import type { EndpointSpec, NetworkController, PortRequest, SandboxSpec, SandboxView } from "../../controller/cnm.ts";
import type { NetworkIntent } from "../../drivers/intent.ts";
import type { ContainerSpec, EndpointSettings } from "../container-spec.ts";
import type { ContainerEntry } from "./container-entry.ts";
import type { ContainerRecord } from "./container-record.ts";
import type { ContainerRegistry } from "./container-registry.ts";
import { linkedChild, linkedChildren, linkEnvironment, parseLink, sandboxLink } from "./links.ts";

/** What every container may do in its own network namespace, unless told otherwise: Docker's two defaults. */
const DEFAULT_SYSCTLS = {
  "net.ipv4.ip_unprivileged_port_start": "0",
  "net.ipv4.ping_group_range": "0 2147483647",
};

/** The networks that a new container will join, first that of its mode. */
export function initialEndpoints(spec: ContainerSpec): ContainerSpec["endpoints"] {
  if (spec.network.kind === "container") return {};
  const main = spec.network.kind === "network" ? spec.network.name : spec.network.kind;
  if (spec.network.kind === "network" && Object.keys(spec.endpoints).length > 0) return spec.endpoints;
  return { [main]: spec.endpoints[main] ?? {} };
}

/** A network stack to run in. */
export interface Stack {
  readonly sandbox: SandboxView;
  /** A shared stack has its owner's. */
  readonly hostname: string;
  /** What links tell of their children. */
  readonly environment: readonly string[];
}

export class ContainerNetworks {
  readonly #controller: NetworkController;
  readonly #registry: ContainerRegistry;

  constructor(controller: NetworkController, registry: ContainerRegistry) {
    this.#controller = controller;
    this.#registry = registry;
  }

  /** The stack a container is about to run in, and what goes with it. */
  async enter(entry: ContainerEntry): Promise<Stack> {
    const { record } = entry;
    const { network } = record.spec;
    if (network.kind === "container") return this.#sharedWith(entry, network.reference);
    const children = linkedChildren(this.#registry, record, (child) => this.sandbox(child));
    try {
      const endpoints = Object.entries(record.spec.endpoints).map(([name, settings]) =>
        this.#endpoint(record, name, settings),
      );
      return {
        sandbox: await this.#controller.createSandbox({
          ...sandboxSpec(entry, endpoints),
          links: children.map(sandboxLink),
        }),
        hostname: record.hostname,
        environment: children.flatMap((linked) => linkEnvironment(record.name, linked)),
      };
    } catch (cause) {
      throw EngineError.wrap(cause, "failed to set up container networking");
    }
  }

  linkEnvironment({ record }: ContainerEntry): readonly string[] {
    return (record.spec.links ?? []).flatMap((link) => {
      const linked = linkedChild(link, this.#registry.get(link.id ?? ""), (child) => this.sandbox(child));
      return typeof linked === "string" ? [] : linkEnvironment(record.name, linked);
    });
  }

  /** Gives up the stack; one that belongs to another container stays. */
  async leave(entry: ContainerEntry): Promise<void> {
    const { sandboxId, spec } = entry.record;
    if (sandboxId === undefined) return;
    if (spec.network.kind !== "container") await this.#controller.removeSandbox(sandboxId);
    this.#registry.clearSandbox(entry);
  }

  sandbox(entry: ContainerEntry): SandboxView | undefined {
    const { sandboxId } = entry.record;
    return sandboxId === undefined ? undefined : this.#controller.findSandbox(sandboxId);
  }

  async connect(entry: ContainerEntry, reference: string, settings: EndpointSettings): Promise<void> {
    refuseWhileRemoving(entry);
    const network = this.#controller.findNetwork(networkName(reference));
    this.#refuseConnect(entry, network);
    const { spec } = entry.record;
    const key = this.#keyOf(spec, network);
    if (!entry.running) {
      if (key !== undefined) return;
      this.#endpoint(entry.record, reference, settings);
    } else {
      const sandbox = this.sandbox(entry);
      if (sandbox === undefined) throw new EngineError("conflict", `container ${entry.id} has no network stack`);
      await this.#controller.connect(sandbox.id, this.#endpoint(entry.record, network.id, settings));
    }
    const endpoints = { ...spec.endpoints, [key ?? network.name]: settings };
    this.#registry.update(entry, { spec: { ...spec, endpoints } });
  }

  async disconnect(entry: ContainerEntry, reference: string): Promise<void> {
    refuseWhileRemoving(entry);
    const network = this.#controller.findNetwork(networkName(reference));
    if (entry.record.spec.network.kind === "host" && network.driver === "host") {
      const text = "cannot disconnect container from host network - container was created in host network mode";
      throw new EngineError("invalid-argument", text);
    }
    const key = this.#keyOf(entry.record.spec, network);
    if (entry.running) {
      // The stack of another container is not this one's to change.
      const own = entry.record.spec.network.kind === "container" ? undefined : this.sandbox(entry);
      const joined = own?.endpoints.find((join) => join.network.id === network.id && join.automatic !== true);
      if (joined === undefined) {
        throw new EngineError("internal", `container ${entry.id} is not connected to network ${network.name}`);
      }
      await this.#controller.disconnect(joined.endpoint.id);
    } else if (key === undefined) {
      throw new EngineError("internal", `container ${entry.id} is not connected to the network ${network.name}`);
    }
    const { spec } = entry.record;
    const endpoints = Object.fromEntries(Object.entries(spec.endpoints).filter(([name]) => name !== key));
    this.#registry.update(entry, { spec: { ...spec, endpoints } });
  }

  /** Tells the names under which a running container is found to its networks. */
  async rename(entry: ContainerEntry): Promise<void> {
    const { sandboxId, spec } = entry.record;
    if (sandboxId === undefined || spec.network.kind === "container") return;
    const aliases = Object.values(spec.endpoints).flatMap((settings) => settings.aliases ?? []);
    await this.#controller.renameEndpoints(sandboxId, entry.name, dnsNames(entry.record, aliases));
  }

  #endpoint(record: ContainerRecord, reference: string, settings: EndpointSettings): EndpointSpec {
    const network = this.#controller.findNetwork(networkName(reference));
    if (network.predefined && settings.aliases !== undefined && settings.aliases.length > 0) {
      const text = "network-scoped aliases are only supported for user-defined networks";
      throw new EngineError("invalid-argument", `invalid endpoint settings:\n${text}`);
    }
    const { aliases = [], links = [], ...rest } = settings;
    return {
      ...rest,
      network: network.id,
      name: record.name,
      dnsNames: dnsNames(record, aliases),
      ...(links.length > 0 ? { privateAliases: Object.fromEntries(links.map(linkAlias)) } : {}),
    };
  }

  #keyOf(spec: ContainerSpec, network: NetworkIntent): string | undefined {
    return Object.keys(spec.endpoints).find((key) => {
      const name = networkName(key);
      return name === network.name || name === network.id || this.#idOf(name) === network.id;
    });
  }

  #idOf(reference: string): string | undefined {
    try {
      return this.#controller.findNetwork(reference).id;
    } catch {
      // A network of the settings may be gone; then it is not the one asked about.
      return undefined;
    }
  }

  #refuseConnect(entry: ContainerEntry, network: NetworkIntent): void {
    const { spec } = entry.record;
    const refuse = (text: string): never => {
      throw new EngineError("invalid-argument", text);
    };
    if (spec.network.kind === "container" || spec.network.kind === "host") {
      refuse(
        "container sharing network namespace with another container or host cannot be connected to any other network",
      );
    }
    if (network.driver === "host") {
      refuse("cannot connect container to host network - container must be created in host network mode");
    }
    const alone = Object.keys(spec.endpoints).some((key) => networkName(key) === "none");
    const others = Object.keys(spec.endpoints).length > 0;
    if ((alone && network.driver !== "null") || (network.driver === "null" && others && !alone)) {
      refuse("container cannot be connected to multiple networks with one of the networks in private (none) mode");
    }
  }

  #sharedWith(entry: ContainerEntry, reference: string): Stack {
    const target = this.#target(reference);
    if (target.id === entry.id) throw new EngineError("internal", "cannot join own network namespace");
    if (target.record.state.status === "restarting") {
      throw new EngineError("conflict", `container ${target.name} is restarting, wait until the container is running`);
    }
    const sandbox = this.sandbox(target);
    if (!target.running || sandbox === undefined) {
      const text = `cannot join network namespace of a non running container: container ${target.name} is ${target.record.state.status}`;
      throw new EngineError("conflict", text);
    }
    return { sandbox, hostname: target.record.hostname, environment: [] };
  }

  #target(reference: string): ContainerEntry {
    try {
      return this.#registry.find(reference);
    } catch (cause) {
      const text = `joining network namespace of container: No such container: ${reference}`;
      throw new EngineError("internal", text, { cause });
    }
  }
}

/** `default` is Docker's other name for its first network. */
function networkName(reference: string): string {
  return reference === "default" ? "bridge" : reference;
}

/** As Docker orders them: the container's name, its aliases, its short id, its hostname. */
function dnsNames(record: ContainerRecord, aliases: readonly string[]): readonly string[] {
  return [...new Set([record.name, ...aliases, shortId(record.id), record.hostname])];
}

function linkAlias(link: string): [alias: string, name: string] {
  const { alias, name } = parseLink(link);
  return [alias, name];
}

function sandboxSpec(entry: ContainerEntry, endpoints: readonly EndpointSpec[]): SandboxSpec {
  const { spec, hostname, id } = entry.record;
  const sysctls = Object.entries(spec.sysctls).filter(([name]) => name.startsWith("net."));
  const defaults = spec.network.kind === "host" ? {} : DEFAULT_SYSCTLS;
  return {
    containerId: id,
    hostname,
    ...(spec.domainname === undefined ? {} : { domainname: spec.domainname }),
    filesDirectory: entry.directory,
    dns: {
      ...(spec.dns.servers.length > 0 ? { servers: spec.dns.servers } : {}),
      ...(spec.dns.search.length > 0 ? { search: spec.dns.search } : {}),
      ...(spec.dns.options.length > 0 ? { options: spec.dns.options } : {}),
    },
    extraHosts: spec.extraHosts,
    sysctls: { ...defaults, ...Object.fromEntries(sysctls) },
    ports: portRequests(spec),
    exposed: spec.exposedPorts.flatMap(exposedPort),
    endpoints,
  };
}

/** `-p` as asked for, and with `-P` an ephemeral port for every other exposed one. */
function portRequests({ publish, exposedPorts }: ContainerSpec): readonly PortRequest[] {
  if (!publish.allExposed) return publish.ports;
  const named = new Set(publish.ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`));
  const others = exposedPorts.filter((port) => !named.has(port));
  return [...publish.ports, ...others.flatMap(exposedRequest)].toSorted((a, b) => a.containerPort - b.containerPort);
}

function exposedRequest(text: string): readonly PortRequest[] {
  return exposedPort(text).map(({ protocol, port }) => ({ protocol, containerPort: port }));
}

function exposedPort(text: string): NonNullable<SandboxSpec["exposed"]> {
  const [port, name = "tcp"] = text.split("/");
  const protocol = (["tcp", "udp", "sctp"] as const).find((known) => known === name);
  return protocol === undefined ? [] : [{ protocol, port: Number(port) }];
}

function refuseWhileRemoving(entry: ContainerEntry): void {
  if (entry.record.state.status !== "removing") return;
  const text = `Container ${entry.id} is marked for removal and cannot be connected or disconnected to the network`;
  throw new EngineError("internal", text);
}
