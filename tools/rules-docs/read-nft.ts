/**
 * Reads `nft list ruleset`: tables with chains, sets and maps. Each line of a chain is a statement, each element of a set or
 * map is one, too; counters are left out, and elements come out in alphabetical order, a line each.
 */
import type { Printed, Statement } from "./ruleset.ts";

/** A line of the output with the blocks that it is in: `["table ip causeway", "chain forward"]`. */
interface Line {
  readonly path: readonly string[];
  readonly text: string;
}

export function readNft(place: Statement["place"], output: string): Printed {
  const lines = cut(output);
  const statements = lines.flatMap((line): Statement[] => {
    const [table = "", block = ""] = line.path.map(withoutKeyword);
    const text = line.text === "" ? (line.path.at(-1) ?? "") : line.text;
    const match = [table, block, line.text].filter((part) => part !== "").join(" ");
    return [{ place, tool: "nft", table, text, match }];
  });
  return { place, command: "nft list ruleset", text: format(lines), statements };
}

function withoutKeyword(block: string): string {
  return block.replace(/^(table|chain|set|map) /, "");
}

/** Every block gives a line of its own with an empty text, then its content. */
function cut(output: string): readonly Line[] {
  const lines: Line[] = [];
  const path: string[] = [];
  let elements = "";
  for (const raw of output.split("\n")) {
    const text = raw.replaceAll(/ ?counter packets \d+ bytes \d+/g, "").trim();
    if (elements !== "" || text.startsWith("elements = {")) {
      elements += ` ${text}`;
      if (!text.endsWith("}")) continue;
      lines.push(...elementsOf(elements).map((element) => ({ path: [...path], text: element })));
      elements = "";
    } else if (text.endsWith("{")) {
      path.push(text.slice(0, -1).trim());
      lines.push({ path: [...path], text: "" });
    } else if (text === "}") path.pop();
    else if (text !== "" && !text.startsWith("#")) lines.push({ path: [...path], text });
  }
  return lines;
}

function elementsOf(text: string): readonly string[] {
  const inside = text.replace(/^\s*elements = \{/, "").replace(/\}\s*$/, "");
  return inside
    .split(",")
    .map((element) => `element ${element.trim()}`)
    .sort();
}

function format(lines: readonly Line[]): string {
  const printed: string[] = [];
  let open = 0;
  for (const { path, text } of lines) {
    const wanted = text === "" ? path.length - 1 : path.length;
    for (; open > wanted; open--) printed.push(`${"\t".repeat(open - 1)}}`);
    if (text === "") printed.push(`${"\t".repeat(open++)}${path.at(-1) ?? ""} {`);
    else printed.push(`${"\t".repeat(open)}${text}`);
  }
  for (; open > 0; open--) printed.push(`${"\t".repeat(open - 1)}}`);
  return printed.join("\n");
}
