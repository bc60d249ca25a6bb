/**
 * Rules as foreign tools print them, cut into single statements that can be compared and explained. What differs from run to
 * run and from one version of a tool to the next (counters, time stamps, the order of tables and of chains) is made equal.
 */

/** One rule, chain, policy, set or element. */
export interface Statement {
  /** "host", or "container" for the rules in a container's namespace. */
  readonly place: "host" | "container";
  /** The program that printed it: "iptables", "ip6tables" or "nft". */
  readonly tool: string;
  /** The table, with its family where the tool has families. */
  readonly table: string;
  /** As the tool prints it. */
  readonly text: string;
  /** What patterns are compared with. */
  readonly match: string;
}

/** What one tool printed in one place. */
export interface Printed {
  readonly place: Statement["place"];
  /** The container's name. */
  readonly container?: string;
  /** "iptables-save", "ip6tables-save", "nft list ruleset". */
  readonly command: string;
  /** Normalised. */
  readonly text: string;
  readonly statements: readonly Statement[];
}

export function statementKey({ place, tool, match }: Statement): string {
  return `${place} ${tool} ${match}`;
}

/** Those of `all` that `these` have no match for; equal statements are counted. */
export function without(all: readonly Statement[], these: readonly Statement[]): readonly Statement[] {
  const left = new Map<string, number>();
  for (const one of these) left.set(statementKey(one), (left.get(statementKey(one)) ?? 0) + 1);
  return all.filter((one) => {
    const count = left.get(statementKey(one)) ?? 0;
    left.set(statementKey(one), count - 1);
    return count <= 0;
  });
}
