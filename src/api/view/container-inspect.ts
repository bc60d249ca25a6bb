/** A container in Docker's shape (API v1.51, `container.InspectResponse`), field by field in Docker's order. */
import { formatTimeNs } from "../../base/clock.ts";
import type { Container } from "../../engine/container.ts";
import type { NetworksView } from "./endpoint.ts";
import { networksView, type EndpointsSource } from "./endpoint.ts";
import { configView, hostConfigView, objectMember } from "./host-config.ts";
import { portMapView } from "./ports.ts";
import { mountView } from "./mount.ts";
import { stateView } from "./container-state.ts";

export interface InspectSource extends EndpointsSource {
  /** Name of containerd's snapshotter, shown as the storage driver. */
  readonly snapshotter: string;
  /** Where the engine keeps its files. */
  readonly dataRoot: string;
}

export function containerInspect(source: InspectSource) {
  const { container, sandbox } = source;
  const [path = "", ...args] = container.commandLine;
  return {
    Id: container.id,
    Created: formatTimeNs(container.createdNs),
    Path: path,
    Args: args,
    State: stateView(container.state),
    Image: container.imageId,
    ResolvConfPath: sandbox?.resolvConfPath ?? `${container.directory}/resolv.conf`,
    HostnamePath: sandbox?.hostnamePath ?? `${container.directory}/hostname`,
    HostsPath: sandbox?.hostsPath ?? `${container.directory}/hosts`,
    LogPath: container.logPath,
    Name: `/${container.name}`,
    RestartCount: container.restartCount,
    Driver: source.snapshotter,
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: container.execIds.length === 0 ? null : container.execIds,
    HostConfig: hostConfigView({ ...objectMember(container.spec.document, "HostConfig"), Links: linksView(container) }),
    GraphDriver: { Data: null, Name: source.snapshotter },
    Mounts: container.spec.mounts.map((mount) => mountView(mount, source.dataRoot)),
    Config: inspectConfig(container),
    NetworkSettings: networkSettings(source),
  };
}

/** Who is linked to, and by which name of whom. */
function linksView({ name, spec }: Container): readonly string[] | null {
  const { links = [] } = spec;
  return links.length === 0 ? null : links.map((link) => `/${link.name}:/${name}/${link.alias}`);
}

function inspectConfig(container: Container) {
  const given = objectMember(container.spec.document, "Config");
  return configView({
    ...given,
    Hostname: container.hostname,
    Domainname: container.spec.domainname ?? "",
    Image: container.spec.image,
  });
}

function networkSettings(source: InspectSource) {
  const { sandbox } = source;
  const networks = networksView(source);
  return {
    Bridge: "",
    SandboxID: sandbox?.id ?? "",
    SandboxKey: sandbox?.key ?? "",
    Ports: portMapView(source),
    HairpinMode: false,
    LinkLocalIPv6Address: "",
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    ...bridgeSettings(networks),
    Networks: networks,
  };
}

/** Before 1.52 the endpoint on the default bridge was repeated at the top. */
function bridgeSettings(networks: NetworksView) {
  const bridge = networks["bridge"];
  return {
    EndpointID: bridge?.EndpointID ?? "",
    Gateway: bridge?.Gateway ?? "",
    GlobalIPv6Address: bridge?.GlobalIPv6Address ?? "",
    GlobalIPv6PrefixLen: bridge?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: bridge?.IPAddress ?? "",
    IPPrefixLen: bridge?.IPPrefixLen ?? 0,
    IPv6Gateway: bridge?.IPv6Gateway ?? "",
    MacAddress: bridge?.MacAddress ?? "",
  };
}
