/**
 * The three networks that always exist: none, host and bridge. The first two are fixed; bridge is what the daemon's flags and
 * the link itself say (dockerd's `initBridgeDriver`), under an id that stays. A change of flags is a changed intent, whose
 * difference the start-up plan applies; it is refused when containers sit on what would go.
 */
import { prefixContains, networkOf, formatPrefix, type Prefix } from "../addr/prefix.ts";
import { formatAddress, sameAddress, type Family, type IpAddress } from "../addr/ip-address.ts";
import { EngineError } from "../base/errors.ts";
import { newId } from "../base/ids.ts";
import type { NetworkIntent, PoolIntent } from "../drivers/intent.ts";
import { HOST } from "../kernel/facts.ts";
import type { ObservedAddress } from "../kernel/observation.ts";
import { attempt } from "./attempt.ts";
import { addressesOnLink } from "./link-addresses.ts";
import { leasePools, replayPools } from "./lease-pools.ts";
import type { DefaultBridgeSettings } from "./options.ts";
import { present } from "../store/record-reader.ts";
import type { World } from "./world.ts";

const ANY_IPV4: IpAddress = { family: 4, value: 0n };

/** Makes the intents of none and host where they are missing. */
export function ensureFixedNetworks(world: World): void {
  for (const { name, driver } of [
    { name: "none", driver: "null" },
    { name: "host", driver: "host" },
  ]) {
    if (world.registry.networkByName(name) !== undefined) continue;
    const intent = { ...predefined(world, name, driver), options: {}, pools: [] };
    world.registry.commit({ put: { networks: [{ intent, phase: "live" }] } });
  }
}

function predefined(world: World, name: string, driver: string): Omit<NetworkIntent, "options" | "pools"> {
  return {
    id: newId(),
    name,
    driver,
    createdNs: world.clock.nowNs(),
    scope: "local",
    enableIPv4: true,
    enableIPv6: false,
    internal: false,
    attachable: false,
    ingress: false,
    configOnly: false,
    labels: {},
    ipamDriver: "default",
    predefined: true,
  };
}

/**
 * Makes the intent of the default bridge be what the settings say, with its pools leased. Throws `conflict` when endpoints
 * forbid the change, `invalid-argument` when the user's own bridge does not exist. Answers the intent that was
 * replaced, if one was: what the kernel has of it is to become what the new one wants.
 */
export async function ensureDefaultBridge(world: World): Promise<NetworkIntent | undefined> {
  const old = world.registry.networkByName("bridge")?.intent;
  const settings = world.settings.defaultBridge;
  if (settings === undefined) return removeDefaultBridge(world, old);
  const pools = await wantedPools(world, settings, old);
  const options = bridgeOptions(settings);
  return attempt(world.log, "set up the default bridge", async (undo) => {
    const base = { ...(old ?? predefined(world, "bridge", "bridge")), enableIPv6: settings.ipv6, options };
    const intent = { ...base, pools };
    if (old !== undefined && samePools(old.pools, pools)) {
      await replayPools(world, intent, undo);
      world.registry.commit({ put: { networks: [{ intent, phase: "live" }] } });
      return old;
    }
    if (old !== undefined) checkEndpointsFit(world, old, pools);
    const leased = { ...intent, pools: await leasePools(world, intent, { skipped: [], undo }) };
    world.driver("bridge").validate(
      leased,
      world.registry.networks().map((entry) => entry.intent),
    );
    world.registry.commit({ put: { networks: [{ intent: leased, phase: "live" }] } });
    return old;
  });
}

function removeDefaultBridge(world: World, old: NetworkIntent | undefined): undefined {
  if (old === undefined) return undefined;
  const [user] = world.registry.namesOnNetwork(old.id).keys();
  if (user !== undefined) throw inTheWay("remove it", user);
  world.registry.commit({ remove: { networks: [old.id] } });
  return undefined;
}

/** As dockerd sets and shows them. */
function bridgeOptions(settings: DefaultBridgeSettings): Readonly<Record<string, string>> {
  return {
    "com.docker.network.bridge.default_bridge": "true",
    "com.docker.network.bridge.enable_icc": String(settings.icc),
    "com.docker.network.bridge.enable_ip_masquerade": String(settings.ipMasquerade),
    "com.docker.network.bridge.host_binding_ipv4": formatAddress(settings.hostBinding ?? ANY_IPV4),
    "com.docker.network.bridge.name": settings.name,
    "com.docker.network.driver.mtu": String(settings.mtu),
  };
}

async function wantedPools(
  world: World,
  settings: DefaultBridgeSettings,
  old: NetworkIntent | undefined,
): Promise<readonly PoolIntent[]> {
  const observation = await world.kernel.observe(HOST);
  if (settings.adopt && !observation.links.some(({ name }) => name === settings.name)) {
    const mend = `make it first: ip link add ${settings.name} type bridge`;
    throw new EngineError("invalid-argument", `bridge ${settings.name} does not exist; ${mend}`);
  }
  const { addresses } = observation;
  return (settings.ipv6 ? ([4, 6] as const) : ([4] as const)).map((family) => {
    const kept = old?.pools.find((pool) => pool.family === family);
    return wantedPool(family, settings, { addresses, kept });
  });
}

interface Found {
  readonly addresses: readonly ObservedAddress[];
  readonly kept: PoolIntent | undefined;
}

/**
 * `--bip` decides; without it the address of the user's own bridge, else what the network had, else what the link has. With
 * none of these the subnet is `--fixed-cidr`, or left to IPAM.
 */
function wantedPool(family: Family, settings: DefaultBridgeSettings, { addresses, kept }: Found): PoolIntent {
  const flags =
    family === 4
      ? { own: settings.bip, range: settings.fixedCidr, router: settings.defaultGateway }
      : { own: settings.bip6, range: settings.fixedCidr6, router: settings.defaultGateway6 };
  const [onLink] = addressesOnLink(addresses, { link: settings.name, family });
  const keptOwn = ownAddress(kept);
  const own = flags.own ?? (settings.adopt ? (onLink ?? keptOwn) : (keptOwn ?? onLink));
  const subnet = own === undefined ? flags.range : networkOf(own);
  const auxiliaryName = `DefaultGatewayIPv${family}`;
  const auxiliary = flags.router === undefined ? {} : { [auxiliaryName]: flags.router };
  const fresh = present({ family, subnet, range: flags.range, gateway: own?.address, auxiliary });
  return kept !== undefined && samePool(kept, fresh) ? kept : fresh;
}

function ownAddress(pool: PoolIntent | undefined): Prefix | undefined {
  if (pool?.subnet === undefined || pool.gateway === undefined) return undefined;
  return { address: pool.gateway, length: pool.subnet.length };
}

function samePools(a: readonly PoolIntent[], b: readonly PoolIntent[]): boolean {
  return a.length === b.length && a.every((pool, index) => pool === b[index]);
}

function samePool(a: PoolIntent, b: PoolIntent): boolean {
  const text = (prefix: Prefix | undefined): string => (prefix === undefined ? "" : formatPrefix(prefix));
  return (
    a.family === b.family &&
    text(a.subnet) === text(b.subnet) &&
    text(a.range) === text(b.range) &&
    sameOptional(a.gateway, b.gateway) &&
    sameAuxiliary(a.auxiliary, b.auxiliary)
  );
}

function sameOptional(a: IpAddress | undefined, b: IpAddress | undefined): boolean {
  return a === undefined || b === undefined ? a === b : sameAddress(a, b);
}

function sameAuxiliary(a: PoolIntent["auxiliary"], b: PoolIntent["auxiliary"]): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => sameOptional(a[name], b[name]));
}

function checkEndpointsFit(world: World, network: NetworkIntent, pools: readonly PoolIntent[]): void {
  for (const { intent } of world.registry.endpointsOfNetwork(network.id)) {
    const fits = intent.addresses.every(({ address }) =>
      pools.some(({ subnet }) => subnet !== undefined && prefixContains(subnet, address)),
    );
    if (!fits) throw inTheWay("give it another subnet", intent.name);
  }
}

function inTheWay(what: string, user: string): EngineError {
  const mend = "stop its containers first, or start with the settings it had";
  return new EngineError("conflict", `default bridge: cannot ${what} while ${user} is connected to it; ${mend}`);
}
