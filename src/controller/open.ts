/**
 * The ready-made assembly: a controller with the real kernel thread, SQLite store, firewall, DNS worker, address management
 * and built-in drivers. The daemon and programs that use the library open this; whoever needs other parts calls
 * `Controller.open` with them.
 */
import { randomUUID } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Family } from "../addr/ip-address.ts";
import type { Prefix } from "../addr/prefix.ts";
import { systemClock, type Clock } from "../base/clock.ts";
import { EventBus } from "../base/event-bus.ts";
import { silentLog, type Log } from "../base/log.ts";
import type { DnsCounters } from "../dns/server/counters.ts";
import { openDnsService } from "../dns/open-dns-service.ts";
import { createBridgeDriver, type BridgeDriverOptions } from "../drivers/bridge/bridge-driver.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Driver } from "../drivers/driver.ts";
import { createHostDriver } from "../drivers/host/host-driver.ts";
import { createIpvlanDriver } from "../drivers/ipvlan/ipvlan-driver.ts";
import { createMacvlanDriver } from "../drivers/macvlan/macvlan-driver.ts";
import { createNullDriver } from "../drivers/null/null-driver.ts";
import { withClusterSpace } from "../drivers/overlay/cluster-ipam.ts";
import { PluginDrivers, type PluginDriversOptions } from "../drivers/remote/plugin-drivers.ts";
import type { Firewall } from "../firewall/firewall.ts";
import { enableForwarding } from "../firewall/forwarding.ts";
import type { FirewallBackend } from "../firewall/forward-drop.ts";
import { openNoFirewall } from "../firewall/no-firewall.ts";
import { openFirewall } from "../firewall/open-firewall.ts";
import { createDefaultIpam } from "../ipam/default-ipam.ts";
import type { IpamDriver } from "../ipam/ipam.ts";
import { createNullIpam } from "../ipam/null-ipam.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { openKernelThread } from "../kernel/thread.ts";
import { KernelHostPorts } from "../ports/host-ports.ts";
import { openPortProxy } from "../ports/proxy/open-proxy.ts";
import { openSqliteStore } from "../store/sqlite-store.ts";
import type { Store } from "../store/store.ts";
import type { ClusterSettings } from "./shared/cluster-settings.ts";
import { Controller } from "./controller.ts";
import { familiesToForward, forwardLater } from "./forwarding.ts";
import type { Meter } from "./meter.ts";
import { ensureNeighbourRoom } from "./shared/neighbour-room.ts";
import { openShared, sharedDrivers } from "./shared/open-shared.ts";
import { DEFAULT_SETTINGS, type DefaultBridgeSettings, type NetworkSettings } from "./options.ts";
import { present } from "../store/record-reader.ts";

export interface OpenOptions {
  /** Where the store's file lives; made if missing. Not needed when a store is handed in. */
  readonly dataRoot: string;
  /** Where namespace files live; made if missing. Best on a tmpfs. */
  readonly runDirectory: string;
  /** dockerd's defaults (`DEFAULT_SETTINGS`) when left out; given, it is the whole of them. */
  readonly settings?: NetworkSettings;
  /** `--default-address-pool`; size is a prefix length. */
  readonly defaultAddressPools?: readonly { readonly base: Prefix; readonly size: number }[];
  /** `--firewall-backend`; iptables when left out. */
  readonly firewallBackend?: FirewallBackend;
  /** `--iptables=false`: no rules at all, and no masquerading. */
  readonly iptables?: boolean;
  /** False: rules are ours in sandboxes alone, and the host's namespace is another engine's. Only with the nftables backend. */
  readonly hostRules?: boolean;
  /** `--ip6tables=false`: IPv6 rules are left alone. */
  readonly ip6tables?: boolean;
  /** `--ip-forward-no-drop`: forwarding is switched on without a FORWARD policy to go with it. */
  readonly forwardWithoutDrop?: boolean;
  /** What this host shares with others, and how; absent: nothing. */
  readonly cluster?: ClusterSettings;
  /** Where plugins are looked for, and how long they are waited for; "none": those of the host are another engine's. */
  readonly plugins?: Omit<PluginDriversOptions, "log"> | "none";
  /** Told of what is done, for whoever counts it. */
  readonly meter?: Meter;
  readonly log?: Log;
  readonly clock?: Clock;
  readonly events?: EventBus;
  /** Handed in: stays the caller's. Otherwise opened here and closed with the controller. */
  readonly store?: Store;
  readonly kernel?: Kernel;
}

/** The controller and the parts that others share with it; disposing closes all that was opened here, newest first. */
export interface OpenedController extends AsyncDisposable {
  readonly controller: Controller;
  readonly store: Store;
  readonly kernel: Kernel;
  readonly events: EventBus;
  readonly runDirectory: string;
  /** "iptables", "nftables" or "none". */
  readonly firewallBackend: string;
  /** What this host shares with others; absent: nothing. */
  readonly cluster?: Cluster;
  /** What the resolvers of all sandboxes did. */
  dnsCounters(): Promise<DnsCounters>;
}

/**
 * Opens every part, then the controller. Throws what the parts throw, with everything opened so far closed again.
 * Needs CAP_NET_ADMIN and CAP_SYS_ADMIN, and works in the network and mount namespaces that the process is in.
 */
export async function openController(options: OpenOptions): Promise<OpenedController> {
  await using parts = new AsyncDisposableStack();
  const { clock = systemClock, log = silentLog, iptables = true } = options;
  const { dataRoot, runDirectory } = options;
  await mkdir(dataRoot, { recursive: true, mode: 0o711 });
  await mkdir(runDirectory, { recursive: true, mode: 0o711 });
  const settings = effectiveSettings(options, iptables);
  const store = options.store ?? parts.use(openSqliteStore(join(dataRoot, "causeway.db")));
  const kernel = options.kernel ?? parts.use(await openKernelThread());
  const firewall = parts.use(await openPacketFilter(options, { kernel, store, log, settings }));
  const dns = parts.use(await openDnsService({ kernel, log }));
  const ports = parts.use(new KernelHostPorts(kernel, parts.use(openPortProxy(log)), log));
  const events = options.events ?? new EventBus(clock);
  const ensureForwarding = async (family: Family): Promise<void> => {
    if (settings.ipForward)
      await forwardLater({ ...backendOf(options), kernel, store }, family, familiesToDrop(options));
  };
  const shared = { ensureForwarding, store, kernel, firewall, dns, ports, events, clock, log, runDirectory, settings };
  const cluster =
    options.cluster && (await openShared(options.cluster, { cache: store, log, meter: options.meter, closing: parts }));
  if (cluster !== undefined) await ensureNeighbourRoom(kernel, log);
  const ipamDrivers = openIpam(options, store, cluster);
  const plugins = options.plugins === "none" ? undefined : parts.use(new PluginDrivers({ ...options.plugins, log }));
  const controller = parts.use(
    await Controller.open({
      ...shared,
      ...(options.meter && { meter: options.meter }),
      ipamDrivers,
      ...(plugins && { plugins }),
      drivers: [...builtInDrivers(settings, iptables), ...(await sharedDrivers(cluster, shared))],
      ...(cluster && { cluster }),
      translatedFamilies: filteredFamilies(options),
    }),
  );
  const opened = parts.move();
  return {
    controller,
    store,
    kernel,
    events,
    runDirectory,
    firewallBackend: firewall.backend,
    ...(cluster && { cluster }),
    dnsCounters: () => dns.counters(),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** Without rules nothing can be masqueraded. */
function effectiveSettings(options: OpenOptions, iptables: boolean): NetworkSettings {
  const settings = options.settings ?? DEFAULT_SETTINGS;
  if (iptables || settings.defaultBridge === undefined) return settings;
  return { ...settings, defaultBridge: { ...settings.defaultBridge, ipMasquerade: false } };
}

interface FirewallParts {
  readonly kernel: Kernel;
  readonly store: Store;
  readonly log: Log;
  readonly settings: NetworkSettings;
}

/** Forwarding comes first: whether it was off decides whether what nobody accepts is dropped. */
async function openPacketFilter(options: OpenOptions, parts: FirewallParts): Promise<Firewall> {
  const { iptables = true, ip6tables = iptables } = options;
  const switchedOn = await enableForwarding(parts.kernel, familiesToForward(parts.settings, parts.store));
  if (!iptables) return openNoFirewall(parts.log);
  const drops = familiesToDrop(options);
  const dropForwarded = switchedOn.filter((family) => drops.includes(family));
  const { hostRules = true } = options;
  return openFirewall({ ...parts, ...backendOf(options), ip6tables, dropForwarded, hostRules });
}

function backendOf({ firewallBackend = "iptables" }: OpenOptions): { readonly backend: FirewallBackend } {
  return { backend: firewallBackend };
}

/** Whose rules are ours. */
function filteredFamilies({ iptables = true, ip6tables = iptables }: OpenOptions): readonly Family[] {
  if (!iptables) return [];
  return ip6tables ? [4, 6] : [4];
}

/** Whose FORWARD chain is ours to close once we switch forwarding on. */
function familiesToDrop(options: OpenOptions): readonly Family[] {
  return options.forwardWithoutDrop === true ? [] : filteredFamilies(options);
}

const DEFAULT_GATEWAYS = ["defaultGateway", "defaultGateway6"] as const;

function builtInDrivers(settings: NetworkSettings, filtered: boolean): readonly Driver[] {
  const { defaultBridge } = settings;
  const bridge = createBridgeDriver({
    filtered,
    allowDirectRouting: settings.allowDirectRouting ?? false,
    ...(defaultBridge === undefined ? {} : defaultBridgeOptions(defaultBridge)),
  });
  return [bridge, createHostDriver(), createIpvlanDriver(), createMacvlanDriver(), createNullDriver()];
}

function defaultBridgeOptions(settings: DefaultBridgeSettings): BridgeDriverOptions {
  return {
    defaultBridgeName: settings.name,
    adoptDefaultBridge: settings.adopt,
    mtu: settings.mtu,
    icc: settings.icc,
    masquerade: settings.ipMasquerade,
    defaultGateways: DEFAULT_GATEWAYS.flatMap((key) => settings[key] ?? []),
    ...(settings.hostBinding === undefined ? {} : { hostBinding: settings.hostBinding }),
  };
}

function openIpam(
  { defaultAddressPools }: OpenOptions,
  store: Store,
  cluster: Cluster | undefined,
): readonly IpamDriver[] {
  const pools = defaultAddressPools && { local: defaultAddressPools };
  const local = createDefaultIpam(present({ pools, ulaSeed: ulaSeed(store) }));
  return [withClusterSpace(local, cluster), createNullIpam()];
}

/** What this host's private IPv6 prefix is made of; drawn once. */
function ulaSeed(store: Store): string {
  const stored = store.get("controller", "ula-seed")?.value;
  if (typeof stored === "string") return stored;
  const seed = randomUUID();
  store.commit([{ put: "controller", id: "ula-seed", value: seed }]);
  return seed;
}
