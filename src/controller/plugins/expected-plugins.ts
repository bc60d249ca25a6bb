/** Networks that exist have their drivers without anybody being asked: plugins are contacted when they are needed. */
import type { NetworkIntent } from "../../drivers/intent.ts";
import type { World } from "../world.ts";

/** At start: of all networks. */
export function expectPlugins(world: World): void {
  for (const { intent } of world.registry.networks()) expectPluginsOf(world, intent);
}

export function expectPluginsOf(world: World, { driver, ipamDriver, configOnly }: NetworkIntent): void {
  if (!configOnly && isUnknown(driver, world.drivers)) world.plugins?.expectDriver(driver);
  if (isUnknown(ipamDriver, world.ipamDrivers)) world.plugins?.expectIpamDriver(ipamDriver);
}

/** No built-in one has the name. */
export function isUnknown(name: string | undefined, known: readonly { readonly name: string }[]): name is string {
  return name !== undefined && name !== "" && !known.some((driver) => driver.name === name);
}
