/**
 * A ContainerSpec as JSON and back. Addresses become text; everything read is checked, because the store's file may come from
 * another version or an editor. What cannot be understood throws RecordError naming the field.
 */
import { formatAddress, type IpAddress } from "../../addr/ip-address.ts";
import { formatMac } from "../../addr/mac-address.ts";
import type { PortRequest } from "../../controller/cnm.ts";
import { present, RecordError, type RecordReader } from "../../store/record-reader.ts";
import type { Json } from "../../store/store.ts";
import type {
  ContainerLink,
  ContainerSpec,
  EndpointSettings,
  MountSpec,
  NetworkMode,
  Resources,
} from "../container-spec.ts";

/** A spec does not change while its container changes its state time and again: 500 ports are encoded once. */
const encoded = new WeakMap<ContainerSpec, Json>();

export function encodeSpec(spec: ContainerSpec): Json {
  const known = encoded.get(spec);
  if (known !== undefined) return known;
  const json = encodeAnew(spec);
  encoded.set(spec, json);
  return json;
}

function encodeAnew(spec: ContainerSpec): Json {
  return plain({
    ...spec,
    // As text, because it is not ours to look into.
    document: JSON.stringify(spec.document),
    endpoints: mapValues(spec.endpoints, encodeEndpoint),
    publish: {
      ...spec.publish,
      ports: spec.publish.ports.map(({ hostAddress, ...port }) => ({
        ...port,
        hostAddress: hostAddress && formatAddress(hostAddress),
      })),
    },
    dns: { ...spec.dns, servers: spec.dns.servers.map(formatAddress) },
    extraHosts: spec.extraHosts.map(({ name, address }) => ({
      name,
      address: address === "host-gateway" ? address : formatAddress(address),
    })),
  });
}

function encodeEndpoint(settings: EndpointSettings): object {
  const { ipv4Address, ipv6Address, linkLocal, mac, ...rest } = settings;
  const text = (address: IpAddress | undefined): string | undefined => address && formatAddress(address);
  return {
    ...rest,
    ipv4Address: text(ipv4Address),
    ipv6Address: text(ipv6Address),
    linkLocal: linkLocal?.map(formatAddress),
    mac: mac && formatMac(mac),
  };
}

/** What JSON keeps of a value: undefined members go. */
function plain(value: object): Json {
  const copy: Json = JSON.parse(JSON.stringify(value));
  return copy;
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

const text = (reader: RecordReader): string => reader.text();
const texts = (reader: RecordReader): readonly string[] => reader.list(text);
const textMap = (reader: RecordReader): Readonly<Record<string, string>> => reader.map(text);
const whole = (reader: RecordReader): number => reader.integer();

export function decodeSpec(reader: RecordReader): ContainerSpec {
  return { ...decodeProgram(reader), ...decodeNetworking(reader), ...decodeIsolation(reader) };
}

function decodeProgram(reader: RecordReader) {
  return {
    ...present({
      name: reader.field("name").optional(text),
      command: reader.field("command").optional(texts),
      entrypoint: reader.field("entrypoint").optional(texts),
      workingDirectory: reader.field("workingDirectory").optional(text),
      user: reader.field("user").optional(text),
      stopSignal: reader.field("stopSignal").optional(text),
      stopTimeoutSeconds: reader.field("stopTimeoutSeconds").optional(whole),
    }),
    image: reader.field("image").text(),
    environment: texts(reader.field("environment")),
    tty: reader.field("tty").flag(),
    openStdin: reader.field("openStdin").flag(),
    stdinOnce: reader.field("stdinOnce").flag(),
    labels: textMap(reader.field("labels")),
    autoRemove: reader.field("autoRemove").flag(),
    restartPolicy: {
      name: reader.field("restartPolicy").field("name").oneOf(["no", "always", "unless-stopped", "on-failure"]),
      maximumRetries: reader.field("restartPolicy").field("maximumRetries").integer(),
    },
    document: parseDocument(reader.field("document").text()),
  };
}

function parseDocument(document: string): Json {
  try {
    const value: Json = JSON.parse(document);
    return value;
  } catch (cause) {
    throw new RecordError("document: expected JSON", { cause });
  }
}

function decodeNetworking(reader: RecordReader) {
  const dns = reader.field("dns");
  return {
    ...present({
      hostname: reader.field("hostname").optional(text),
      domainname: reader.field("domainname").optional(text),
      links: reader.field("links").optional((list) => list.list(decodeContainerLink)),
    }),
    network: decodeNetworkMode(reader.field("network")),
    endpoints: reader.field("endpoints").map(decodeEndpoint),
    dns: {
      servers: dns.field("servers").list((item) => item.address()),
      search: texts(dns.field("search")),
      options: texts(dns.field("options")),
    },
    extraHosts: reader.field("extraHosts").list((host) => ({
      name: host.field("name").text(),
      address: hostAddress(host.field("address")),
    })),
    sysctls: textMap(reader.field("sysctls")),
    exposedPorts: texts(reader.field("exposedPorts")),
    publish: reader.field("publish").optional(decodePublish) ?? { ports: [], allExposed: false },
  };
}

function decodePublish(reader: RecordReader): ContainerSpec["publish"] {
  return {
    ports: reader.field("ports").list(decodePort),
    allExposed: reader.field("allExposed").flag(),
  };
}

function decodePort(reader: RecordReader): PortRequest {
  return {
    protocol: reader.field("protocol").oneOf(["tcp", "udp", "sctp"]),
    containerPort: reader.field("containerPort").integer(),
    ...present({
      hostAddress: reader.field("hostAddress").optional((item) => item.address()),
      hostPorts: reader.field("hostPorts").optional((range) => ({
        first: range.field("first").integer(),
        last: range.field("last").integer(),
      })),
    }),
  };
}

function decodeContainerLink(reader: RecordReader): ContainerLink {
  return {
    name: reader.field("name").text(),
    alias: reader.field("alias").text(),
    ...present({ id: reader.field("id").optional(text) }),
  };
}

function hostAddress(reader: RecordReader): IpAddress | "host-gateway" {
  return reader.text() === "host-gateway" ? "host-gateway" : reader.address();
}

function decodeNetworkMode(reader: RecordReader): NetworkMode {
  const kind = reader.field("kind").oneOf(["network", "host", "none", "container"]);
  if (kind === "network") return { kind, name: reader.field("name").text() };
  if (kind === "container") return { kind, reference: reader.field("reference").text() };
  return { kind };
}

function decodeEndpoint(reader: RecordReader): EndpointSettings {
  return present({
    ipv4Address: reader.field("ipv4Address").optional((item) => item.address()),
    ipv6Address: reader.field("ipv6Address").optional((item) => item.address()),
    linkLocal: reader.field("linkLocal").optional((list) => list.list((item) => item.address())),
    mac: reader.field("mac").optional((item) => item.mac()),
    aliases: reader.field("aliases").optional(texts),
    links: reader.field("links").optional(texts),
    options: reader.field("options").optional(textMap),
    gatewayPriority: reader.field("gatewayPriority").optional(whole),
  });
}

function decodeIsolation(reader: RecordReader) {
  const capabilities = reader.field("capabilities");
  return {
    ...present({ shmSize: reader.field("shmSize").optional(whole) }),
    mounts: reader.field("mounts").list(decodeMount),
    tmpfs: textMap(reader.field("tmpfs")),
    readonlyRootfs: reader.field("readonlyRootfs").flag(),
    privileged: reader.field("privileged").flag(),
    capabilities: { add: texts(capabilities.field("add")), drop: texts(capabilities.field("drop")) },
    resources: decodeResources(reader.field("resources")),
    pidMode: reader.field("pidMode").oneOf(["private", "host"]),
    ipcMode: reader.field("ipcMode").oneOf(["private", "host"]),
    utsMode: reader.field("utsMode").oneOf(["private", "host"]),
  };
}

function decodeMount(reader: RecordReader): MountSpec {
  return {
    type: reader.field("type").oneOf(["bind", "tmpfs", "volume"]),
    source: reader.field("source").text(),
    target: reader.field("target").text(),
    readOnly: reader.field("readOnly").flag(),
    ...present({ propagation: reader.field("propagation").optional(text) }),
  };
}

function decodeResources(reader: RecordReader): Resources {
  return present({
    memory: reader.field("memory").optional(whole),
    nanoCpus: reader.field("nanoCpus").optional(whole),
    cpuShares: reader.field("cpuShares").optional(whole),
    cpusetCpus: reader.field("cpusetCpus").optional(text),
    pidsLimit: reader.field("pidsLimit").optional(whole),
    ulimits: reader.field("ulimits").optional((list) =>
      list.list((limit) => ({
        name: limit.field("name").text(),
        soft: limit.field("soft").integer(),
        hard: limit.field("hard").integer(),
      })),
    ),
  });
}
