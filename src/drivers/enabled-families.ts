/** Which address families a network has. */
import type { Family } from "../addr/ip-address.ts";
import type { NetworkIntent } from "./intent.ts";

/** IPv4 first. */
export function enabledFamilies(network: Pick<NetworkIntent, "enableIPv4" | "enableIPv6">): readonly Family[] {
  return ([4, 6] as const).filter((family) => (family === 4 ? network.enableIPv4 : network.enableIPv6));
}
