/**
 * Takes everything of the nftables backend out again, for hosts that go back to iptables. Rules that the user put into the
 * `user` chain, and chains and sets that the user made in our table, stay, and so does the table then.
 */
import type { Family } from "../../addr/ip-address.ts";
import { HOST, type NamespaceRef } from "../../kernel/facts.ts";
import type { NftChange, NftTable } from "../../kernel/nftables/ruleset.ts";
import { DNS_TABLE, removeDnsTable } from "./dns-table.ts";
import { frame, TABLE, USER_CHAIN } from "./frame.ts";
import type { NftablesOptions } from "./options.ts";
import { hasUsersOwn, tearDown } from "./plan.ts";

type NftKernel = NftablesOptions["kernel"];

const FAMILIES: readonly Family[] = [4, 6];

/** Whether a table of ours is there; false also where the kernel has no nf_tables. */
export async function hasNftablesRules(kernel: NftKernel): Promise<boolean> {
  try {
    const found = await Promise.all(FAMILIES.map((family) => kernel.readNftables(HOST, { family, table: TABLE })));
    return found.some((table) => table?.chains.some(({ name }) => name === "forward") ?? false);
  } catch {
    return false;
  }
}

/** Equivalent to: `nft delete table ip causeway`, `ip6 causeway`, and `ip causeway-dns` in each of the sandboxes. */
export async function removeNftablesRules(kernel: NftKernel, sandboxes: Iterable<NamespaceRef>): Promise<void> {
  for (const family of FAMILIES) {
    const found = await kernel.readNftables(HOST, { family, table: TABLE });
    if (found !== undefined) await kernel.changeNftables(HOST, removal(found));
  }
  for (const namespace of sandboxes) {
    const found = await kernel.readNftables(namespace, DNS_TABLE);
    if (found !== undefined) await kernel.changeNftables(namespace, removeDnsTable());
  }
}

function removal(found: NftTable): readonly NftChange[] {
  const { family, table } = found;
  const wanted = frame(family);
  const isKept =
    hasUsersOwn(found, wanted) || found.chains.some(({ name, rules }) => name === USER_CHAIN && rules.length > 0);
  return isKept ? tearDown(found, wanted) : [{ change: "delete-table", family, table }];
}
