/**
 * Intents as the store keeps them: JSON with addresses as text. Decoding checks everything and names the record that is
 * wrong. A record says in which phase its thing is, so that a removal cut short by a crash is finished at the next start.
 */
import { formatAddress } from "../addr/ip-address.ts";
import { formatMac } from "../addr/mac-address.ts";
import type { PortRange } from "../addr/port-range.ts";
import { formatPrefix } from "../addr/prefix.ts";
import type { EndpointIntent, NetworkIntent, Plugged, PoolIntent, PortLink, PublishedPort } from "../drivers/intent.ts";
import type { Json } from "../store/store.ts";
import type { SandboxLink } from "./cnm.ts";
import { present, RecordReader } from "../store/record-reader.ts";
import type { SandboxIntent, SandboxPort } from "./sandbox-intent.ts";

export const NETWORKS = "networks";
export const ENDPOINTS = "endpoints";
export const SANDBOXES = "sandboxes";

/** "removing" is committed before the kernel is touched; the record goes when the kernel is clean. */
export type StoredPhase = "live" | "removing";

export interface Stored<T> {
  readonly phase: StoredPhase;
  readonly intent: T;
}

const text = (reader: RecordReader): string => reader.text();
const texts = (reader: RecordReader): readonly string[] => reader.list(text);
const textMap = (reader: RecordReader): Readonly<Record<string, string>> => reader.map(text);
const address = (reader: RecordReader) => reader.address();
const prefix = (reader: RecordReader) => reader.prefix();

export function encodeNetwork({ phase, intent }: Stored<NetworkIntent>): Json {
  return present({
    ...intent,
    phase,
    createdNs: intent.createdNs.toString(),
    pools: intent.pools.map(encodePool),
  });
}

function encodePool(pool: PoolIntent): Json {
  const auxiliary = Object.entries(pool.auxiliary).map(([name, value]) => [name, formatAddress(value)] as const);
  return present({
    poolId: pool.poolId,
    family: pool.family,
    subnet: pool.subnet && formatPrefix(pool.subnet),
    range: pool.range && formatPrefix(pool.range),
    gateway: pool.gateway && formatAddress(pool.gateway),
    auxiliary: Object.fromEntries(auxiliary),
    vni: pool.vni,
  });
}

export function decodeNetwork(id: string, value: Json): Stored<NetworkIntent> {
  const record = new RecordReader(value, `network ${id}`);
  const intent = present({
    id: expectId(record, id),
    name: record.field("name").text(),
    driver: record.field("driver").text(),
    createdNs: record.field("createdNs").nanoseconds(),
    scope: record.field("scope").oneOf(["local", "global", "swarm"] as const),
    unshared: record.field("unshared").optional((reader) => reader.flag()),
    enableIPv4: record.field("enableIPv4").flag(),
    enableIPv6: record.field("enableIPv6").flag(),
    internal: record.field("internal").flag(),
    attachable: record.field("attachable").flag(),
    ingress: record.field("ingress").flag(),
    configOnly: record.field("configOnly").flag(),
    configFrom: record.field("configFrom").optional(text),
    options: textMap(record.field("options")),
    labels: textMap(record.field("labels")),
    ipamDriver: record.field("ipamDriver").text(),
    ipamOptions: record.field("ipamOptions").optional(textMap),
    pools: record.field("pools").list(decodePool),
    predefined: record.field("predefined").flag(),
  });
  return { phase: decodePhase(record), intent };
}

function decodePool(record: RecordReader): PoolIntent {
  return present({
    poolId: record.field("poolId").optional(text),
    family: record.field("family").oneOf([4, 6] as const),
    subnet: record.field("subnet").optional(prefix),
    range: record.field("range").optional(prefix),
    gateway: record.field("gateway").optional(address),
    auxiliary: record.field("auxiliary").map(address),
    vni: record.field("vni").optional((reader) => reader.integer()),
  });
}

export function encodeEndpoint({ phase, intent }: Stored<EndpointIntent>): Json {
  return present({
    ...intent,
    phase,
    mac: intent.mac && formatMac(intent.mac),
    addresses: intent.addresses.map(formatPrefix),
    linkLocal: intent.linkLocal.map(formatAddress),
    ports: intent.ports.map(encodePort),
    links: intent.links.map((link) => ({ ...link, child: formatAddress(link.child) })),
    attachment: intent.attachment && { ...intent.attachment },
    plugged: intent.plugged && encodePlugged(intent.plugged),
    lent: intent.lent && { ...intent.lent },
  });
}

function encodePlugged(plugged: Plugged): Json {
  return present({
    ...plugged,
    gateways: plugged.gateways.map(formatAddress),
    routes: plugged.routes.map(({ destination, gateway }) =>
      present({ destination: formatPrefix(destination), gateway: gateway && formatAddress(gateway) }),
    ),
  });
}

function encodePort({ hostAddress, hostPorts, containerPorts, protocol }: PublishedPort): Json {
  return present({
    protocol,
    hostAddress: formatAddress(hostAddress),
    hostPorts: hostPorts && { ...hostPorts },
    containerPorts: { ...containerPorts },
  });
}

export function decodeEndpoint(id: string, value: Json): Stored<EndpointIntent> {
  const record = new RecordReader(value, `endpoint ${id}`);
  const intent = present({
    id: expectId(record, id),
    networkId: record.field("networkId").text(),
    name: record.field("name").text(),
    mac: record.field("mac").optional((reader) => reader.mac()),
    addresses: record.field("addresses").list(prefix),
    linkLocal: record.field("linkLocal").list(address),
    dnsNames: texts(record.field("dnsNames")),
    privateAliases: textMap(record.field("privateAliases")),
    options: textMap(record.field("options")),
    gatewayPriority: record.field("gatewayPriority").integer(),
    ports: record.field("ports").optional((reader) => reader.list(decodePort)) ?? [],
    links: record.field("links").optional((reader) => reader.list(decodeLink)) ?? [],
    attachment: record.field("attachment").optional((reader) => ({
      sandboxId: reader.field("sandboxId").text(),
      interfaceName: reader.field("interfaceName").text(),
    })),
    plugged: record.field("plugged").optional(decodePlugged),
    lent: record.field("lent").optional((reader) => present({ sandboxKey: reader.field("sandboxKey").optional(text) })),
  });
  return { phase: decodePhase(record), intent };
}

function decodePlugged(record: RecordReader): Plugged {
  return present({
    sourceName: record.field("sourceName").optional(text),
    prefix: record.field("prefix").text(),
    gateways: record.field("gateways").list(address),
    routes: record.field("routes").list((route) =>
      present({
        destination: route.field("destination").prefix(),
        gateway: route.field("gateway").optional(address),
      }),
    ),
    disableGatewayService: record.field("disableGatewayService").flag(),
  });
}

function decodePort(record: RecordReader): PublishedPort {
  return present({
    protocol: decodeProtocol(record),
    hostAddress: record.field("hostAddress").address(),
    hostPorts: record.field("hostPorts").optional(decodePorts),
    containerPorts: decodePorts(record.field("containerPorts")),
  });
}

function decodePorts(record: RecordReader): PortRange {
  return { first: record.field("first").integer(), last: record.field("last").integer() };
}

function decodeLink(record: RecordReader): PortLink {
  return {
    child: record.field("child").address(),
    protocol: decodeProtocol(record),
    port: record.field("port").integer(),
  };
}

function decodeProtocol(record: RecordReader): PublishedPort["protocol"] {
  return record.field("protocol").oneOf(["tcp", "udp", "sctp"] as const);
}

export function encodeSandbox({ phase, intent }: Stored<SandboxIntent>): Json {
  return present({
    ...intent,
    phase,
    createdNs: intent.createdNs.toString(),
    dns: present({
      servers: intent.dns.servers?.map(formatAddress),
      search: intent.dns.search,
      options: intent.dns.options,
    }),
    resolver: intent.resolver && { ...intent.resolver },
    extraHosts: intent.extraHosts.map(({ name, address: host }) => ({
      name,
      address: host === "host-gateway" ? host : formatAddress(host),
    })),
    exposed: intent.exposed?.map((port) => ({ ...port })),
    links: intent.links.map((link) => ({
      ...link,
      names: [...link.names],
      ports: link.ports.map((port) => ({ ...port })),
    })),
    ports: intent.ports.map(({ hostAddress, hostPorts, ...port }) =>
      present({
        ...port,
        hostAddress: hostAddress && formatAddress(hostAddress),
        hostPorts: hostPorts && { ...hostPorts },
      }),
    ),
  });
}

export function decodeSandbox(id: string, value: Json): Stored<SandboxIntent> {
  const record = new RecordReader(value, `sandbox ${id}`);
  const dns = record.field("dns");
  const intent = present({
    id: expectId(record, id),
    containerId: record.field("containerId").text(),
    createdNs: record.field("createdNs").nanoseconds(),
    hostNamespace: record.field("hostNamespace").flag(),
    hostname: record.field("hostname").text(),
    domainname: record.field("domainname").optional(text),
    filesDirectory: record.field("filesDirectory").text(),
    dns: present({
      servers: dns.field("servers").optional((reader) => reader.list(address)),
      search: dns.field("search").optional(texts),
      options: dns.field("options").optional(texts),
    }),
    extraHosts: record.field("extraHosts").list(decodeExtraHost),
    sysctls: textMap(record.field("sysctls")),
    ports: record.field("ports").optional((reader) => reader.list(decodeSandboxPort)) ?? [],
    exposed: record.field("exposed").optional((reader) => reader.list(decodeExposed)),
    links: record.field("links").optional((reader) => reader.list(decodeSandboxLink)) ?? [],
    resolver: record.field("resolver").optional((reader) => ({
      udpPort: reader.field("udpPort").integer(),
      tcpPort: reader.field("tcpPort").integer(),
    })),
  });
  return { phase: decodePhase(record), intent };
}

function decodeSandboxLink(record: RecordReader): SandboxLink {
  return {
    containerId: record.field("containerId").text(),
    names: texts(record.field("names")),
    ports: record.field("ports").list(decodeExposed),
  };
}

function decodeExposed(record: RecordReader): NonNullable<SandboxIntent["exposed"]>[number] {
  return { protocol: decodeProtocol(record), port: record.field("port").integer() };
}

function decodeSandboxPort(record: RecordReader): SandboxPort {
  return present({
    protocol: decodeProtocol(record),
    containerPort: record.field("containerPort").integer(),
    hostAddress: record.field("hostAddress").optional(address),
    hostPorts: record.field("hostPorts").optional(decodePorts),
    chosenPort: record.field("chosenPort").optional((reader) => reader.integer()),
  });
}

function decodeExtraHost(record: RecordReader): SandboxIntent["extraHosts"][number] {
  const host = record.field("address");
  return {
    name: record.field("name").text(),
    address: host.text() === "host-gateway" ? "host-gateway" : host.address(),
  };
}

function decodePhase(record: RecordReader): StoredPhase {
  return record.field("phase").oneOf(["live", "removing"] as const);
}

/** A record under another's id would make two things one. */
function expectId(record: RecordReader, id: string): string {
  return record.field("id").oneOf([id]);
}
