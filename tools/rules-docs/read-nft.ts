/**
 * Reads `nft list ruleset`: tables of sets, maps and chains. A statement is a set or chain with its definition, one element, or
 * one rule. Numbers of counters are left out, elements come out in alphabetical order, a line each, and priorities are named
 * as newer versions name them.
 */
import type { Printed, Statement } from "./ruleset.ts";

interface Block {
  /** "set", "map" or "chain". */
  readonly kind: string;
  readonly name: string;
  /** `type ifname`, `flags interval`; of a chain its hook and policy. */
  readonly definition: string[];
  /** Elements of sets and maps, rules of chains. */
  readonly entries: string[];
}

interface Table {
  /** "ip causeway" */
  readonly name: string;
  readonly blocks: Block[];
}

export function readNft(place: Statement["place"], output: string): Printed {
  const tables = parse(output);
  const statements = tables.flatMap(({ name, blocks }) =>
    blocks.flatMap((block) => blockStatements(name, block).map((one) => ({ place, tool: "nft", table: name, ...one }))),
  );
  return { place, command: "nft list ruleset", text: tables.map(formatTable).join("\n\n"), statements };
}

/** In patterns the family is left out: either's rules have the same reasons. */
function blockStatements(table: string, block: Block): readonly Pick<Statement, "text" | "match">[] {
  const { kind, name, definition, entries } = block;
  const short = table.split(" ").at(-1) ?? "";
  const defined = definition.map((line) => (line.endsWith(";") ? line : `${line};`)).join(" ");
  const head = {
    text: defined === "" ? `${kind} ${name} {}` : `${kind} ${name} { ${defined} }`,
    match: `${short} :${name}${definition.length > 0 && kind === "chain" ? ` ${defined}` : ""}`,
  };
  const rest = entries.map((entry) => ({
    text: kind === "chain" ? `${name}: ${entry}` : `${name} = { ${entry} }`,
    match: `${short} ${name} ${entry}`,
  }));
  return [head, ...rest];
}

function parse(output: string): readonly Table[] {
  const tables: Table[] = [];
  let block: Block | undefined;
  let elements = "";
  for (const raw of output.split("\n")) {
    const line = normalise(raw);
    const [, keyword, name] = /^(table|set|map|chain) (.+) \{$/.exec(line) ?? [];
    if (elements !== "" || line.startsWith("elements = {")) {
      elements += ` ${line}`;
      if (!line.endsWith("}")) continue;
      block?.entries.push(...elementsOf(elements));
      elements = "";
    } else if (keyword === "table") tables.push({ name: name ?? "", blocks: [] });
    else if (keyword !== undefined) {
      block = { kind: keyword, name: name ?? "", definition: [], entries: [] };
      tables.at(-1)?.blocks.push(block);
    } else if (line !== "" && line !== "}" && !line.startsWith("#")) addLine(block, line);
  }
  return tables;
}

function addLine(block: Block | undefined, line: string): void {
  const isDefinition = block?.kind !== "chain" || line.startsWith("type ");
  (isDefinition ? block?.definition : block?.entries)?.push(line);
}

function normalise(line: string): string {
  return line
    .replaceAll(/counter packets \d+ bytes \d+/g, "counter")
    .replace("priority -100;", "priority dstnat;")
    .trim();
}

function elementsOf(text: string): readonly string[] {
  const inside = text.replace(/^\s*elements = \{/, "").replace(/\}\s*$/, "");
  return inside
    .split(",")
    .map((element) => element.trim())
    .sort();
}

function formatTable({ name, blocks }: Table): string {
  const lines = blocks.flatMap(({ kind, name: block, definition, entries }) => [
    `\t${kind} ${block} {`,
    ...definition.map((line) => `\t\t${line}`),
    ...(kind === "chain" ? entries : entries.map((entry) => `element ${entry}`)).map((line) => `\t\t${line}`),
    "\t}",
  ]);
  return [`table ${name} {`, ...lines, "}"].join("\n");
}
