/** Changes in the words of nft, for the errors that name them: "add element ip causeway ports". */
import type { NftChange } from "./ruleset.ts";

/** Undefined is the batch itself. */
export function describeChange(change: NftChange | undefined): string {
  if (change === undefined) return "change nf_tables";
  const table = `${change.family === 4 ? "ip" : "ip6"} ${change.table}`;
  switch (change.change) {
    case "add-table":
    case "delete-table":
      return `${verb(change)} table ${table}`;
    case "add-chain":
      return `add chain ${table} ${change.chain.name}`;
    case "delete-chain":
    case "flush-chain":
      return `${verb(change)} chain ${table} ${change.chain}`;
    case "append-rule":
      return `add rule ${table} ${change.chain}${change.rule.comment === undefined ? "" : ` "${change.rule.comment}"`}`;
    case "add-set":
      return `add set ${table} ${change.set.name}`;
    case "delete-set":
      return `delete set ${table} ${change.set}`;
    case "add-elements":
    case "delete-elements":
      return `${verb(change)} elements of set ${table} ${change.set.name}`;
  }
}

function verb({ change }: NftChange): string {
  return change.slice(0, change.indexOf("-"));
}
