/** Names of reverse look-ups: `4.3.2.1.in-addr.arpa` (RFC 1035 section 3.5) and the 32 nibbles of `ip6.arpa` (RFC 3596). */
import { tryParseAddress, type IpAddress } from "../addr/ip-address.ts";

const IPV4_SUFFIX = ".in-addr.arpa";
const IPV6_SUFFIX = ".ip6.arpa";

/** The address that a lower-case name asks about; undefined when it is not a complete reverse name. */
export function parseReverseName(name: string): IpAddress | undefined {
  if (name.endsWith(IPV4_SUFFIX)) {
    return tryParseAddress(name.slice(0, -IPV4_SUFFIX.length).split(".").reverse().join("."));
  }
  if (!name.endsWith(IPV6_SUFFIX)) return undefined;
  const nibbles = name.slice(0, -IPV6_SUFFIX.length);
  if (!/^[0-9a-f](\.[0-9a-f]){31}$/.test(nibbles)) return undefined;
  return { family: 6, value: BigInt(`0x${nibbles.split(".").reverse().join("")}`) };
}
