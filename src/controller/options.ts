/**
 * What a controller is made of and how it behaves: every part that does I/O is handed in, so that tests hand in strict
 * fakes and the daemon hands in the real ones (`open.ts` assembles those). Settings are dockerd's network flags as values.
 */
import type { Family, IpAddress } from "../addr/ip-address.ts";
import type { Prefix } from "../addr/prefix.ts";
import type { Clock } from "../base/clock.ts";
import type { EventBus } from "../base/event-bus.ts";
import type { Log } from "../base/log.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { DnsService } from "../dns/dns.ts";
import type { Driver } from "../drivers/driver.ts";
import type { DriverPlugins } from "../drivers/driver-plugins.ts";
import type { Firewall } from "../firewall/firewall.ts";
import type { IpamDriver } from "../ipam/ipam.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { HostPorts } from "../ports/ports.ts";
import type { Store } from "../store/store.ts";
import type { Meter } from "./meter.ts";

/** The parts stay the caller's: closing a controller closes none of them. */
export interface ControllerOptions {
  readonly store: Store;
  readonly kernel: Kernel;
  readonly firewall: Firewall;
  readonly dns: DnsService;
  readonly ports: HostPorts;
  readonly ipamDrivers: readonly IpamDriver[];
  readonly drivers: readonly Driver[];
  readonly events: EventBus;
  readonly clock: Clock;
  readonly log: Log;
  /** Absolute; sandboxes' namespace files live in its `netns/`. Lost at reboot, as the namespaces are. */
  readonly runDirectory: string;
  readonly settings: NetworkSettings;
  /** Drivers that are other programs; absent: there are none. */
  readonly plugins?: DriverPlugins;
  /** `--cluster-store`: what this host shares with others; absent: nothing, and there are no networks that span hosts. */
  readonly cluster?: Cluster;
  /** Told of what is done. */
  readonly meter?: Meter;
  /** Families whose published ports the firewall translates, both unless said otherwise; the others are the proxy's. */
  readonly translatedFamilies?: readonly Family[];
  /** Makes the kernel forward packets of the family; called before a network that needs it is made. Idempotent. */
  readonly ensureForwarding?: (family: Family) => Promise<void>;
}

/** dockerd's network flags. */
export interface NetworkSettings {
  /** Absent: `--bridge=none`, there is no network called bridge. */
  readonly defaultBridge?: DefaultBridgeSettings;
  /** `--dns`, `--dns-search`, `--dns-opt`: used where a container brings none of its own. */
  readonly dns: {
    readonly servers: readonly IpAddress[];
    readonly search: readonly string[];
    readonly options: readonly string[];
  };
  /** The host's resolver file, `/etc/resolv.conf`. */
  readonly resolvConfPath: string;
  /** `--host-gateway-ip`: what `host-gateway` stands for; without it the default bridge's gateways. */
  readonly hostGateways: readonly IpAddress[];
  /** `--ip-forward`: switch forwarding on in the kernel. */
  readonly ipForward: boolean;
  /** `--userland-proxy`: whether a proxy takes what translation cannot; it does unless told otherwise. */
  readonly userlandProxy?: boolean;
  /** `--default-network-opt`: by driver, what a new network gets of options that it does not name. */
  readonly networkOptions?: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** `--allow-direct-routing`: published ports are reached at the containers' own addresses too, by whoever has a route. */
  readonly allowDirectRouting?: boolean;
}

export interface DefaultBridgeSettings {
  /** `docker0`, or the link of `--bridge`. */
  readonly name: string;
  /** `--bridge`: the link is the user's; it is used as it is, addresses included, and never made or removed. */
  readonly adopt: boolean;
  /** `--bip`: subnet and the bridge's own address. */
  readonly bip?: Prefix;
  readonly bip6?: Prefix;
  /** `--fixed-cidr`: containers get addresses from here only. */
  readonly fixedCidr?: Prefix;
  readonly fixedCidr6?: Prefix;
  /** `--default-gateway`: the containers' default route, where it is not the bridge. */
  readonly defaultGateway?: IpAddress;
  readonly defaultGateway6?: IpAddress;
  /** Bytes. */
  readonly mtu: number;
  readonly icc: boolean;
  readonly ipMasquerade: boolean;
  /** `--ip`: where a published port listens that names no address of the host; absent: at all of them. */
  readonly hostBinding?: IpAddress;
  readonly ipv6: boolean;
}

export const DEFAULT_SETTINGS: NetworkSettings = {
  defaultBridge: { name: "docker0", adopt: false, mtu: 1500, icc: true, ipMasquerade: true, ipv6: false },
  dns: { servers: [], search: [], options: [] },
  resolvConfPath: "/etc/resolv.conf",
  hostGateways: [],
  ipForward: true,
};
