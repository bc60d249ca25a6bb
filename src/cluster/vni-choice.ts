/**
 * Which VXLAN network identifiers a network gets (RFC 7348, 24 bits): those asked for, else the lowest free from 4096. Below are
 * ids that people choose by hand, often to mirror VLANs; swarm starts at the same number. Pure.
 */
import { EngineError } from "../base/errors.ts";
import type { NewSharedNetwork } from "./cluster.ts";

const FIRST = 4096;
const LAST = (1 << 24) - 1;

/** One for each subnet. Throws `invalid-argument` for an id out of bounds or named twice, `conflict` when none is left. */
export function chooseVnis({ subnets }: NewSharedNetwork, taken: ReadonlySet<number>): readonly number[] {
  const asked = subnets.map(({ vni }) => vni);
  const used = new Set(taken);
  for (const vni of asked) {
    if (vni === undefined) continue;
    if (!Number.isInteger(vni) || vni < 1 || vni > LAST) {
      throw new EngineError("invalid-argument", `VXLAN id ${vni} is not between 1 and ${LAST}`);
    }
    used.add(vni);
  }
  const named = asked.filter((vni) => vni !== undefined);
  if (new Set(named).size < named.length) {
    throw new EngineError("invalid-argument", "two subnets of a network cannot have one VXLAN id");
  }
  let next = FIRST;
  return asked.map((vni) => {
    if (vni !== undefined) return vni;
    while (used.has(next)) next++;
    if (next > LAST) throw new EngineError("conflict", "all VXLAN ids are in use");
    return next++;
  });
}
