/**
 * How long a packet may be on the wires between hosts, where that is less than Ethernet's 1500 bytes: clouds and VPNs take some
 * of it. Tunnels over such a link would be cut into fragments, which many firewalls drop, so that small packets pass and large
 * ones vanish; networks that name no MTU get one that fits.
 */
import { sameAddress, type IpAddress } from "../../addr/ip-address.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { HOST } from "../../kernel/facts.ts";
import type { Kernel } from "../../kernel/kernel.ts";

const ETHERNET_MTU = 1500;

/** In bytes; undefined where Ethernet's fits, or where no link has the address. */
export async function underlayMtu(
  kernel: Pick<Kernel, "observe">,
  address: IpAddress,
  log: Log,
): Promise<number | undefined> {
  try {
    const { addresses, links } = await kernel.observe(HOST);
    const name = addresses.find((seen) => sameAddress(seen.address.address, address))?.link;
    const mtu = links.find((link) => link.name === name)?.mtu ?? ETHERNET_MTU;
    if (mtu >= ETHERNET_MTU) return undefined;
    log.info(
      { link: name, mtu },
      "networks that span hosts have a smaller MTU than 1500, as the link between hosts has",
    );
    return mtu;
  } catch (cause) {
    log.warn({ err: cause }, `MTU of the link between hosts is unknown: ${messageOf(cause)}`);
    return undefined;
  }
}
