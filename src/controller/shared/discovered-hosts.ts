/**
 * Plugins whose networks span hosts (`ConnectivityScope` global) are told which hosts the cluster has: all of them when the
 * plugin is first used, later who came and who went (libnetwork's node discovery). What could not be told is told again with
 * the next change.
 */
import { formatAddress } from "../../addr/ip-address.ts";
import { messageOf } from "../../base/errors.ts";
import type { DiscoveredHost, DriverProcedures } from "../../drivers/procedures.ts";
import type { World } from "../world.ts";

/** By driver's name, then by address: whom it knows of. */
export type ToldHosts = Map<string, Map<string, DiscoveredHost>>;

const LOCK = "hosts that plugins are told of";

/** Of the drivers that networks have. Never fails; what a plugin says against it is logged. */
export async function tellHosts(world: World): Promise<void> {
  const { cluster, plugins, registry } = world;
  if (cluster === undefined || plugins === undefined) return;
  await world.locks.run(LOCK, async () => {
    const names = new Set(registry.networks().map(({ intent }) => intent.driver));
    for (const name of names) {
      const driver = plugins.driver(name);
      if (driver?.discoversHosts !== true || driver.procedures === undefined) continue;
      const told = world.toldHosts.get(name) ?? new Map<string, DiscoveredHost>();
      world.toldHosts.set(name, told);
      await tell(world, driver.procedures, told);
    }
  });
}

async function tell(world: World, procedures: DriverProcedures, told: Map<string, DiscoveredHost>): Promise<void> {
  const { cluster } = world;
  const hosts = cluster?.hosts() ?? [];
  const now = new Map(
    hosts.map(({ id, address }) => [formatAddress(address), { address, isSelf: id === cluster?.self.id }] as const),
  );
  for (const [key, host] of now) {
    if (told.has(key)) continue;
    if (await logged(world, `tell of host ${key}`, procedures.hostFound(host))) told.set(key, host);
  }
  for (const [key, host] of told) {
    if (now.has(key)) continue;
    if (await logged(world, `tell that host ${key} is gone`, procedures.hostLost(host))) told.delete(key);
  }
}

async function logged(world: World, doing: string, call: Promise<void>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (cause) {
    world.log.warn({ err: cause }, `driver error, ${doing}: ${messageOf(cause)}`);
    return false;
  }
}
