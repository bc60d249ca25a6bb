/** The addresses of an endpoint's interface, the same whatever the driver. */
import type { Prefix } from "../addr/prefix.ts";
import type { KernelFact } from "../kernel/facts.ts";
import type { Place } from "./driver.ts";
import type { EndpointIntent } from "./intent.ts";

/** Those leased, then those of `--link-local-ip`, which Docker gives these lengths whatever they are. */
export function endpointAddresses(
  { addresses, linkLocal }: Pick<EndpointIntent, "addresses" | "linkLocal">,
  { namespace, interfaceName: link }: Place,
): readonly KernelFact[] {
  const local = linkLocal.map((address): Prefix => ({ address, length: address.family === 4 ? 16 : 64 }));
  return [...addresses, ...local].map((address): KernelFact => ({ kind: "address", namespace, link, address }));
}
