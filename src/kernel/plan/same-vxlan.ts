/** Whether a VXLAN that exists is the one that a fact means: what it is made with cannot be changed on most kernels. */
import { sameAddress } from "../../addr/ip-address.ts";
import type { Device, NamespaceRef } from "../facts.ts";
import type { ObservedVxlan } from "../observation.ts";

/** `namespace` is the link's own. */
export function sameVxlan(
  { vni, port, local, learning, proxy = false, underlay }: Extract<Device, { type: "vxlan" }>,
  namespace: NamespaceRef,
  seen: ObservedVxlan,
): boolean {
  const isAcross = underlay !== undefined && underlay !== namespace;
  const localHolds = local === undefined || (seen.local !== undefined && sameAddress(local, seen.local));
  const flagsHold = learning === seen.learning && proxy === seen.proxy && isAcross === seen.isAcross;
  return localHolds && flagsHold && vni === seen.vni && port === seen.port;
}
