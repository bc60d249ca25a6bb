/**
 * Where everything lies in the cluster store, below the prefix that its URL names. Parts of a key are names made safe
 * (`keyPart`); ids and addresses are so already.
 *
 * ```text
 *  key                                  value                                             stays until
 *  causeway/settings                    what all hosts must agree on                      removed by hand
 *  causeway/hosts/HOST                  name, address and port of a living host           its session ends
 *  causeway/host-names/NAME             HOST, so that no two living have one name         its session ends
 *  causeway/host-addresses/ADDRESS      HOST, so that no two living have one address      its session ends
 *  causeway/networks/NETWORK            name, subnets, VXLAN ids, the controller's body   the network is removed
 *  causeway/network-names/NAME          NETWORK, so that no two have one name             the network is removed
 *  causeway/vnis/VNI                    NETWORK, so that no two have one VXLAN id         the network is removed
 *  causeway/endpoints/NETWORK/NAME      an endpoint; its name is its key, hence unique    removed, or its host is given up
 *  causeway/pools-turn                  who wrote a pool last: pools are written in turn  never
 *  causeway/pools/SUBNET                a subnet that is taken, and the pool's token      the pool is released
 *  causeway/addresses/TOKEN/ADDRESS     who holds the address, or that it rests           given back and rested, or as above
 * ```
 *
 * A pool's token is drawn when it is made, so that addresses left over from a pool that is gone mean nothing to the next one
 * of the same subnet.
 */
import { createHash } from "node:crypto";
import { formatAddress, type IpAddress } from "../addr/ip-address.ts";
import { formatPrefix, tryParsePrefix, type Prefix } from "../addr/prefix.ts";

export const ROOT = "causeway";
export const SETTINGS = `${ROOT}/settings`;
export const HOSTS = `${ROOT}/hosts`;
export const POOLS = `${ROOT}/pools`;
export const POOLS_TURN = `${ROOT}/pools-turn`;

/** A safe part longer than this is cut and ends in a digest of the whole. */
const MAX_PART = 120;

export const hostKey = (id: string): string => `${HOSTS}/${id}`;
export const hostNameKey = (name: string): string => `${ROOT}/host-names/${keyPart(name)}`;
export const hostAddressKey = (address: IpAddress): string => `${ROOT}/host-addresses/${formatAddress(address)}`;
export const networkKey = (id: string): string => `${ROOT}/networks/${keyPart(id)}`;
export const networkNameKey = (name: string): string => `${ROOT}/network-names/${keyPart(name)}`;
export const vniKey = (vni: number): string => `${ROOT}/vnis/${vni}`;
export const endpointsKey = (networkId: string): string => `${ROOT}/endpoints/${keyPart(networkId)}`;
export const endpointKey = (networkId: string, name: string): string => `${endpointsKey(networkId)}/${keyPart(name)}`;
export const poolKey = (subnet: Prefix): string => `${POOLS}/${formatPrefix(subnet).replace("/", "-")}`;
export const addressesKey = (token: string): string => `${ROOT}/addresses/${token}`;
export const addressKey = (token: string, address: IpAddress): string =>
  `${addressesKey(token)}/${formatAddress(address)}`;

export const isEndpointKey = (key: string): boolean => key.startsWith(`${ROOT}/endpoints/`);
export const isAddressKey = (key: string): boolean => key.startsWith(`${ROOT}/addresses/`);

/** The subnet that a pool's key names, whatever its value says; undefined for a key that somebody made up. */
export function subnetOfPoolKey(key: string): Prefix | undefined {
  return tryParsePrefix(key.slice(POOLS.length + 1).replace("-", "/"));
}

/** Any name as one part of a key: what the store does not take is written as `:` and two digits per byte. One to one. */
export function keyPart(name: string): string {
  const isDots = /^\.+$/.test(name);
  if (!isDots && name.length <= MAX_PART && /^[A-Za-z0-9_.-]+$/.test(name)) return name;
  const safe = [...Buffer.from(name)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9_-]/.test(character) || (character === "." && !isDots)
        ? character
        : `:${byte.toString(16).padStart(2, "0")}`;
    })
    .join("");
  if (safe !== "" && safe.length <= MAX_PART) return safe;
  return `${safe.slice(0, MAX_PART - 70)}:h${createHash("sha256").update(name).digest("hex")}`;
}
