/**
 * Reads what iptables-save prints (format of iptables 1.8, both its legacy and its nf_tables variant). Total: any text gives a
 * ruleset; lines that are none of the four known kinds are skipped, because comments of other tools may stand between them.
 *
 *     *filter                          a table begins
 *     :FORWARD DROP [0:0]              a chain and its policy, `-` for chains that users made
 *     -A FORWARD -j DOCKER-USER        a rule
 *     COMMIT                           the table ends
 */

/** Tables by name; a table without chains is as good as absent. */
export type SavedRuleset = ReadonlyMap<string, ReadonlyMap<string, SavedChain>>;

export interface SavedChain {
  /** "ACCEPT" or "DROP"; absent for chains that users made. */
  readonly policy?: string;
  /** What follows `-A CHAIN `, in order. */
  readonly rules: readonly string[];
}

type Chains = Map<string, { policy?: string; rules: string[] }>;

export function parseSave(text: string): SavedRuleset {
  const tables = new Map<string, Chains>();
  let current: Chains | undefined;
  for (const line of text.split("\n")) {
    if (line === "COMMIT") current = undefined;
    else if (line.startsWith("*")) current = ensure(tables, line.slice(1).trim(), () => new Map());
    else if (current !== undefined) readLine(current, line);
  }
  return tables;
}

function readLine(chains: Chains, line: string): void {
  const declared = /^:(\S+) (\S+)/.exec(line);
  if (declared !== null) {
    const [, chain = "", policy = "-"] = declared;
    const entry = ensure(chains, chain, () => ({ rules: [] }));
    if (policy !== "-") entry.policy = policy;
    return;
  }
  const rule = /^(?:\[\d+:\d+\] )?-A (\S+) (\S.*)$/.exec(line);
  if (rule !== null) ensure(chains, rule[1] ?? "", () => ({ rules: [] })).rules.push((rule[2] ?? "").trimEnd());
}

function ensure<V>(map: Map<string, V>, key: string, make: () => V): V {
  const present = map.get(key);
  if (present !== undefined) return present;
  const made = make();
  map.set(key, made);
  return made;
}
