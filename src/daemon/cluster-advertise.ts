/** From `--cluster-advertise` to an address that this host has: the one that was named, or an interface's first one. */
import { formatAddress, isLoopback, sameAddress, type IpAddress } from "../addr/ip-address.ts";
import { EngineError } from "../base/errors.ts";
import { HOST } from "../kernel/facts.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Observation } from "../kernel/observation.ts";
import type { Advertised } from "./cluster-config.ts";

/** Throws `invalid-argument`, saying what this host has instead. */
export async function advertisedAddress(kernel: Kernel, advertised: Advertised): Promise<IpAddress> {
  return chooseAdvertised(await kernel.observe(HOST), advertised);
}

/** Of an interface the first IPv4 address that is not loopback, as dockerd chose. */
export function chooseAdvertised(host: Observation, { text, at, port }: Advertised): IpAddress {
  if ("address" in at) {
    if (host.addresses.some(({ address }) => sameAddress(address.address, at.address))) return at.address;
    throw refuse(
      `--cluster-advertise ${text}: ${formatAddress(at.address)} is not an address of this host, which has ${ownAddresses(host)}`,
    );
  }
  if (!host.links.some(({ name }) => name === at.interface)) {
    throw refuse(
      `invalid cluster advertise IP address or interface name (${text}) : no such network interface; this host has ${ownAddresses(host)}`,
    );
  }
  const addresses = host.addresses.filter(({ link }) => link === at.interface).map(({ address }) => address.address);
  const chosen = addresses.find((address) => address.family === 4 && !isLoopback(address));
  if (chosen !== undefined) return chosen;
  const why = addresses.length === 0 ? "it has no address" : "none of its addresses is IPv4 and not loopback";
  const other = `name an address instead (ADDRESS:${port}); this host has ${ownAddresses(host)}`;
  throw refuse(`could not find a valid ip-address in interface ${at.interface}: ${why}; ${other}`);
}

function refuse(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}

/** "10.0.0.1 (eth0), 192.0.2.1 (eth1)": a host with very many is not listed whole. */
function ownAddresses(host: Observation): string {
  const shown = 20;
  const own = host.addresses.filter(({ address }) => !isLoopback(address.address));
  if (own.length === 0) return "no address but loopback";
  const texts = own.slice(0, shown).map(({ link, address }) => `${formatAddress(address.address)} (${link})`);
  return own.length > shown ? `${texts.join(", ")} and ${own.length - shown} more` : texts.join(", ");
}
