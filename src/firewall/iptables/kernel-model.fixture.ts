/**
 * What iptables-restore does with the input that we write, in memory, for property tests of the plans: each table whole or not
 * at all, and as unforgiving as the real one. Not a judge of rule texts; the netns tests are.
 */
import type { SavedRuleset } from "./parse.ts";

type Chains = Map<string, { policy?: string; rules: string[] }>;

const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  raw: ["PREROUTING", "OUTPUT"],
  mangle: ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
  filter: ["INPUT", "FORWARD", "OUTPUT"],
  nat: ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
};

export class KernelModel {
  readonly tables = new Map<string, Chains>();

  constructor() {
    for (const [table, chains] of Object.entries(BUILT_IN))
      this.tables.set(table, new Map(chains.map((chain) => [chain, { policy: "ACCEPT", rules: [] }])));
  }

  get saved(): SavedRuleset {
    return this.tables;
  }

  rules(table: string, chain: string): string[] {
    const found = this.tables.get(table)?.get(chain);
    if (found === undefined) throw new Error(`no chain ${chain} in ${table}`);
    return found.rules;
  }

  /** Throws at the first line that the kernel would refuse; tables committed before stay. */
  restore(input: string): void {
    let table = "";
    let working: Chains = new Map();
    for (const line of input.split("\n").filter((text) => text !== "")) {
      if (line.startsWith("*")) {
        table = line.slice(1);
        working = structuredClone(this.tables.get(table) ?? new Map());
      } else if (line === "COMMIT") this.tables.set(table, working);
      else run(working, line);
    }
  }
}

function run(chains: Chains, line: string): void {
  const [, verb, chain = "", position, rest = ""] = /^-([NXPADI]) (\S+)(?: (1) (?=\S))?(?: ?(.*))$/.exec(line) ?? [];
  const entry = chains.get(chain);
  if (verb === "N" && entry === undefined) return void chains.set(chain, { rules: [] });
  if (entry === undefined || verb === "N") throw new Error(`refused: ${line}`);
  if (verb === "P") entry.policy = rest;
  else if (verb === "A") entry.rules.push(rest);
  else if (verb === "I" && position === "1") entry.rules.unshift(rest);
  else if (verb === "D" && entry.rules.includes(rest)) entry.rules.splice(entry.rules.indexOf(rest), 1);
  else if (verb === "X" && entry.rules.length === 0 && !isReferenced(chains, chain)) chains.delete(chain);
  else throw new Error(`refused: ${line}`);
}

function isReferenced(chains: Chains, chain: string): boolean {
  return [...chains.values()].some(({ rules }) => rules.some((rule) => rule.endsWith(`-j ${chain}`)));
}
