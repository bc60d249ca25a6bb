/**
 * A NetworkController in memory: the three predefined networks, user networks with the first free subnet of 172.18.0.0/12,
 * addresses in order. It knows the refusals that the API's tests look at, and no kernel.
 */
import { formatAddress, parseAddress, type IpAddress } from "../../addr/ip-address.ts";
import { randomMac } from "../../addr/mac-address.ts";
import { parsePrefix, prefixContains, type Prefix } from "../../addr/prefix.ts";
import { systemClock } from "../../base/clock.ts";
import { EngineError } from "../../base/errors.ts";
import type { EventBus } from "../../base/event-bus.ts";
import { newId, shortId } from "../../base/ids.ts";
import type {
  EndpointSpec,
  JoinedEndpoint,
  NetworkController,
  NetworkSpec,
  PortExposure,
  PortRequest,
  SandboxSpec,
  SandboxView,
} from "../../controller/cnm.ts";
import type { EndpointIntent, NetworkIntent, PeerIntent, PoolIntent, PublishedPort } from "../../drivers/intent.ts";
import { exposureOf } from "../../ports/exposure/exposure.ts";
import type { LinkStatistics } from "../../kernel/observation.ts";

export class FakeNetworks implements NetworkController {
  readonly #networks = new Map<string, NetworkIntent>();
  readonly #endpoints = new Map<string, EndpointIntent>();
  readonly #sandboxes = new Map<string, Omit<SandboxView, "endpoints">>();
  readonly #events: EventBus;
  /** Endpoints of other hosts. */
  others: readonly PeerIntent[] = [];
  #subnets = 17;
  #nextPort = 32768;

  constructor(events: EventBus) {
    this.#events = events;
    this.#add({ name: "none", driver: "null" }, [], true);
    this.#add({ name: "host", driver: "host" }, [], true);
    this.#add({ name: "bridge", driver: "bridge" }, [this.#nextPool()], true);
  }

  networks(): readonly NetworkIntent[] {
    return [...this.#networks.values()];
  }

  findNetwork(reference: string): NetworkIntent {
    const all = this.networks();
    const exact = all.find(({ id }) => id === reference) ?? all.find(({ name }) => name === reference);
    const prefixed = all.filter(({ id }) => reference !== "" && id.startsWith(reference));
    const found = exact ?? prefixed[0];
    if (found === undefined) throw new EngineError("not-found", `network ${reference} not found`);
    return found;
  }

  async createNetwork(spec: NetworkSpec): Promise<NetworkIntent> {
    if (["bridge", "host", "none", "default"].includes(spec.name)) {
      throw new EngineError("forbidden", `operation is not permitted on predefined ${spec.name} network `);
    }
    if (spec.name.trim() === "") throw new EngineError("invalid-argument", "invalid name: name is empty");
    if (this.networks().some(({ name }) => name === spec.name)) {
      throw new EngineError("conflict", `network with name ${spec.name} already exists`);
    }
    if (!["bridge", "overlay"].includes(spec.driver ?? "bridge"))
      throw new EngineError("not-found", `plugin "${spec.driver}" not found`);
    const asked = (spec.ipam?.pools ?? []).map((pool): PoolIntent => ({ ...pool, auxiliary: pool.auxiliary ?? {} }));
    const network = this.#add(spec, asked.length > 0 ? asked : [this.#nextPool()], false);
    this.#emit("create", network);
    return network;
  }

  async removeNetwork(reference: string): Promise<void> {
    const network = this.findNetwork(reference);
    if (network.predefined) {
      throw new EngineError("forbidden", `${network.name} is a pre-defined network and cannot be removed`);
    }
    const active = this.endpoints(network.id).map(({ id, name }) => `name:"${name}" id:"${shortId(id)}"`);
    if (active.length > 0) {
      const why = `network ${network.name} has active endpoints (${active.join(", ")})`;
      throw new EngineError("forbidden", `error while removing network: ${why}`);
    }
    this.#networks.delete(network.id);
    this.#emit("destroy", network);
  }

  endpoints(networkId?: string): readonly EndpointIntent[] {
    return [...this.#endpoints.values()].filter(
      (endpoint) => networkId === undefined || endpoint.networkId === networkId,
    );
  }

  peers(networkId: string): readonly PeerIntent[] {
    return this.others.filter((peer) => peer.networkId === networkId);
  }

  async evictPeer(_networkId: string, name: string): Promise<void> {
    throw new EngineError("not-found", `endpoint ${name} not found`);
  }

  async createSandbox(spec: SandboxSpec): Promise<SandboxView> {
    const id = newId();
    const files = spec.filesDirectory;
    this.#sandboxes.set(id, {
      id,
      containerId: spec.containerId,
      key: `/run/causeway/netns/${shortId(id)}`,
      hostNamespace: spec.endpoints.some((endpoint) => this.findNetwork(endpoint.network).driver === "host"),
      hostsPath: `${files}/hosts`,
      hostnamePath: `${files}/hostname`,
      resolvConfPath: `${files}/resolv.conf`,
    });
    for (const endpoint of spec.endpoints) await this.connect(id, endpoint);
    await this.#publish(id, spec.ports ?? []);
    return this.#view(id);
  }

  /** At the sandbox's first endpoint: the number asked for, its address or every one. */
  async #publish(sandboxId: string, requests: readonly PortRequest[]): Promise<void> {
    const [endpoint] = this.endpoints().filter(({ attachment }) => attachment?.sandboxId === sandboxId);
    if (endpoint === undefined) return;
    const ports = requests.flatMap((request) => portMappings(request, this.#nextPort++));
    const taken = new Set(this.endpoints().flatMap((other) => other.ports.map(placeOf)));
    const [conflict] = ports.filter((port) => taken.has(placeOf(port)));
    if (conflict !== undefined) {
      await this.removeSandbox(sandboxId);
      throw new EngineError("internal", `Bind for ${placeOf(conflict)} failed: port is already allocated`);
    }
    this.#endpoints.set(endpoint.id, { ...endpoint, ports });
  }

  sandboxes(): readonly SandboxView[] {
    return [...this.#sandboxes.keys()].map((id) => this.#view(id));
  }

  findSandbox(id: string): SandboxView | undefined {
    return this.#sandboxes.has(id) ? this.#view(id) : undefined;
  }

  async removeSandbox(id: string): Promise<void> {
    for (const { attachment, id: endpoint } of this.endpoints()) {
      if (attachment?.sandboxId === id) await this.disconnect(endpoint);
    }
    this.#sandboxes.delete(id);
  }

  async connect(sandboxId: string, spec: EndpointSpec): Promise<EndpointIntent> {
    const network = this.findNetwork(spec.network);
    const count = this.endpoints().filter(({ attachment }) => attachment?.sandboxId === sandboxId).length;
    if (this.endpoints(network.id).some(({ name }) => name === spec.name)) {
      throw new EngineError("forbidden", `endpoint with name ${spec.name} already exists in network ${network.name}`);
    }
    const address = this.#address(network, spec.ipv4Address);
    const endpoint: EndpointIntent = {
      id: newId(),
      networkId: network.id,
      name: spec.name,
      ...(network.driver === "bridge" ? { mac: spec.mac ?? randomMac() } : {}),
      addresses: address === undefined ? [] : [address],
      linkLocal: spec.linkLocal ?? [],
      dnsNames: spec.dnsNames ?? [],
      privateAliases: spec.privateAliases ?? {},
      options: spec.options ?? {},
      gatewayPriority: spec.gatewayPriority ?? 0,
      ports: [],
      links: [],
      attachment: { sandboxId, interfaceName: `eth${count}` },
    };
    this.#endpoints.set(endpoint.id, endpoint);
    this.#emit("connect", network, this.#sandboxes.get(sandboxId)?.containerId);
    return endpoint;
  }

  async disconnect(endpointId: string): Promise<void> {
    const endpoint = this.#endpoints.get(endpointId);
    if (endpoint === undefined) throw new EngineError("not-found", `endpoint ${endpointId} not found`);
    this.#endpoints.delete(endpointId);
    const container = this.#sandboxes.get(endpoint.attachment?.sandboxId ?? "")?.containerId;
    this.#emit("disconnect", this.findNetwork(endpoint.networkId), container);
  }

  async renameEndpoints(sandboxId: string, name: string, dnsNames: readonly string[]): Promise<void> {
    for (const endpoint of this.endpoints()) {
      if (endpoint.attachment?.sandboxId === sandboxId)
        this.#endpoints.set(endpoint.id, { ...endpoint, name, dnsNames });
    }
  }

  async exposures(): Promise<readonly PortExposure[]> {
    const host = {
      addresses: [parsePrefix("192.168.7.1/24")],
      firewalls: [],
      userRules: 0,
      translated: [4, 6] as const,
    };
    return this.endpoints().flatMap((endpoint) => {
      const containerAddress = endpoint.addresses[0]?.address;
      if (containerAddress === undefined) return [];
      const containerId = this.#sandboxes.get(endpoint.attachment?.sandboxId ?? "")?.containerId ?? "";
      const networkName = this.findNetwork(endpoint.networkId).name;
      return endpoint.ports.map((port) => {
        const place = { ...port, containerAddress };
        return { ...place, ...exposureOf(place, host), containerId, name: endpoint.name, networkName };
      });
    });
  }

  async statistics(sandboxId: string): Promise<Readonly<Record<string, LinkStatistics>>> {
    const received = { rxBytes: 2n ** 60n, rxPackets: 9n, rxErrors: 0n, rxDropped: 0n };
    const counters = { ...received, txBytes: 42n, txPackets: 1n, txErrors: 0n, txDropped: 0n };
    const joined = this.#view(sandboxId).endpoints;
    return Object.fromEntries(joined.map(({ endpoint }) => [endpoint.attachment?.interfaceName ?? "", counters]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#networks.clear();
  }

  #add(spec: NetworkSpec, pools: readonly PoolIntent[], predefined: boolean): NetworkIntent {
    const network: NetworkIntent = {
      id: newId(),
      name: spec.name,
      driver: spec.driver ?? "bridge",
      createdNs: systemClock.nowNs(),
      scope: spec.driver === "overlay" ? "global" : "local",
      enableIPv4: spec.enableIPv4 ?? true,
      enableIPv6: spec.enableIPv6 ?? false,
      internal: spec.internal ?? false,
      attachable: spec.attachable ?? false,
      ingress: spec.ingress ?? false,
      configOnly: spec.configOnly ?? false,
      options: spec.options ?? {},
      labels: spec.labels ?? {},
      ipamDriver: spec.ipam?.driver ?? "default",
      ...(spec.ipam?.options === undefined ? {} : { ipamOptions: spec.ipam.options }),
      pools,
      predefined,
    };
    this.#networks.set(network.id, network);
    return network;
  }

  #nextPool(): PoolIntent {
    const subnet = parsePrefix(`172.${this.#subnets++}.0.0/16`);
    const gateway = { ...subnet.address, value: subnet.address.value + 1n };
    return { family: 4, subnet, gateway, auxiliary: {} };
  }

  #address(network: NetworkIntent, asked: IpAddress | undefined): Prefix | undefined {
    const subnet = network.pools[0]?.subnet;
    if (subnet === undefined) return undefined;
    if (asked !== undefined && !prefixContains(subnet, asked)) {
      throw new EngineError(
        "invalid-argument",
        "invalid endpoint settings:\nno configured subnet contains the IP address",
      );
    }
    const taken = new Set(this.endpoints(network.id).flatMap(({ addresses }) => addresses.map((p) => p.address.value)));
    let next = subnet.address.value + 2n;
    while (taken.has(next)) next++;
    const value = asked?.value ?? next;
    return { address: { ...subnet.address, value }, length: subnet.length };
  }

  #view(id: string): SandboxView {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox === undefined) throw new EngineError("not-found", `sandbox ${id} not found`);
    const endpoints = this.endpoints()
      .filter(({ attachment }) => attachment?.sandboxId === id)
      .map((endpoint): JoinedEndpoint => {
        const network = this.findNetwork(endpoint.networkId);
        const gateways = network.pools.flatMap(({ gateway }) => (gateway === undefined ? [] : [gateway]));
        return { endpoint, network, gateways };
      });
    return { ...sandbox, endpoints };
  }

  #emit(action: string, network: NetworkIntent, container?: string): void {
    const attributes = { name: network.name, type: network.driver, ...(container === undefined ? {} : { container }) };
    this.#events.emit({ type: "network", action, actorId: network.id, attributes });
  }
}

function portMappings({ protocol, containerPort, hostAddress, hostPorts }: PortRequest, free: number): PublishedPort[] {
  const addresses = hostAddress === undefined ? [parseAddress("0.0.0.0"), parseAddress("::")] : [hostAddress];
  const first = hostPorts?.first ?? free;
  const containerPorts = { first: containerPort, last: containerPort };
  return addresses.map((address) => ({
    protocol,
    hostAddress: address,
    hostPorts: { first, last: first },
    containerPorts,
  }));
}

function placeOf({ hostAddress, hostPorts }: PublishedPort): string {
  return `${formatAddress(hostAddress)}:${hostPorts?.first ?? 0}`;
}
