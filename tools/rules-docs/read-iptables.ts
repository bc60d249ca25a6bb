/**
 * Reads iptables-save. The legacy variant prints tables and chains in another order than the nf_tables one, and each has
 * tables that nobody filled: tables come out in alphabetical order, built-in chains before others, empty tables not at all.
 */
import type { Printed, Statement } from "./ruleset.ts";

interface Chain {
  policy: string;
  readonly rules: string[];
}

type Tables = Map<string, Map<string, Chain>>;

export function readIptables(
  command: "iptables-save" | "ip6tables-save",
  place: Statement["place"],
  output: string,
): Printed {
  const tables = parse(output);
  const tool = command.replace("-save", "");
  const filled = [...tables].filter(([, chains]) => isFilled(chains)).sort(([a], [b]) => compare(a, b));
  const sorted = filled.map(([table, chains]) => ({ table, chains: sortedChains(chains) }));
  const statements = sorted.flatMap(({ table, chains }) =>
    chainLines(chains).flatMap((text): Statement[] => {
      const match = matchOf(table, text);
      return match === undefined ? [] : [{ place, tool, table, text, match }];
    }),
  );
  const lines = sorted.flatMap(({ table, chains }) => [`*${table}`, ...chainLines(chains), "COMMIT"]);
  return { place, command, text: lines.join("\n"), statements };
}

function parse(output: string): Tables {
  const tables: Tables = new Map();
  let chains = new Map<string, Chain>();
  for (const line of output.split("\n")) {
    const rule = /^-A (\S+) .*$/.exec(line);
    const chain = /^:(\S+) (\S+)/.exec(line);
    if (line.startsWith("*")) tables.set(line.slice(1), (chains = new Map()));
    else if (chain?.[1] !== undefined) chains.set(chain[1], { policy: chain[2] ?? "-", rules: [] });
    else if (rule?.[1] !== undefined) chains.get(rule[1])?.rules.push(line.trim());
  }
  return tables;
}

function isFilled(chains: ReadonlyMap<string, Chain>): boolean {
  return [...chains.values()].some(({ policy, rules }) => policy !== "ACCEPT" || rules.length > 0);
}

/** Built-in chains in the kernel's order, then others by name. */
function sortedChains(chains: ReadonlyMap<string, Chain>): readonly (readonly [string, Chain])[] {
  const rank = ([, { policy }]: readonly [string, Chain]): number => (policy === "-" ? 1 : 0);
  const hook = ([name]: readonly [string, Chain]): number =>
    ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"].indexOf(name);
  return [...chains].sort((a, b) => rank(a) - rank(b) || hook(a) - hook(b) || compare(a[0], b[0]));
}

function chainLines(chains: readonly (readonly [string, Chain])[]): readonly string[] {
  return [
    ...chains.map(([name, { policy }]) => `:${name} ${policy} [0:0]`),
    ...chains.flatMap(([, { rules }]) => rules),
  ];
}

/** Built-in chains that accept are the kernel's own doing. */
function matchOf(table: string, text: string): string | undefined {
  if (text.startsWith("-A ")) return `${table} ${text.slice(3)}`;
  const [, name = "", policy = ""] = /^:(\S+) (\S+)/.exec(text) ?? [];
  if (policy === "ACCEPT") return undefined;
  return policy === "-" ? `${table} :${name}` : `${table} :${name} ${policy}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
