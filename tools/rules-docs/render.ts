/** A page of docs/rules as Markdown: what was typed, each paragraph with its rules, and the whole of what the tools printed. */
import { explain, type Explained } from "./explain.ts";
import type { Printed, Statement } from "./ruleset.ts";
import type { Backend, Scenario } from "./scenario.ts";

const WIDTH = 120;

export interface Page {
  readonly backend: Backend;
  readonly scenario: Scenario;
  readonly printed: readonly Printed[];
  /** Of the scenario that this one is compared with, its title, too. */
  readonly base?: { readonly scenario: Scenario; readonly printed: readonly Printed[] };
}

/** Throws where rules and paragraphs do not fit each other. */
export function renderPage({ backend, scenario, printed, base }: Page): string {
  const all = (outputs: readonly Printed[]): readonly Statement[] => outputs.flatMap(({ statements }) => statements);
  const explained = explain(scenario.paragraphs[backend], all(base?.printed ?? []), all(printed));
  return [
    `# ${scenario.title} (${backend})`,
    "<!-- Made by `npm run docs:rules` from what the engine programs. Edit tools/rules-docs, not this. -->",
    wrap(scenario.about),
    ...typed(scenario),
    base === undefined ? "" : wrap(comparison(base.scenario)),
    ...explained.flatMap(section),
    ...listing(backend, base !== undefined, printed),
  ]
    .filter((part) => part !== "")
    .join("\n\n")
    .concat("\n");
}

function typed({ commands }: Scenario): readonly string[] {
  if (commands.length === 0) return [];
  return [fence("console", commands.map((command) => `$ docker ${command.replace("IMAGE", "busybox")}`).join("\n"))];
}

function comparison({ name, title }: Scenario): string {
  return `Explained here is what differs from [${title.toLowerCase()}](${name}.md).`;
}

function section({ heading, text, added, gone }: Explained): readonly string[] {
  const rules = [...groups(added, ""), ...groups(gone, "gone: ")];
  return [`## ${heading}`, wrap(text), ...rules.map(([title, lines]) => `${title}:\n\n${fence("text", lines)}`)];
}

/** Rules by tool and table; those that IPv4 and IPv6 have alike are printed once, as IPv4 words them. */
function groups(statements: readonly Statement[], prefix: string): readonly (readonly [string, string])[] {
  const byTitle = new Map<string, string[]>();
  for (const one of statements) {
    const title = `${prefix}${one.place === "container" ? "in the container, " : ""}${one.tool}, ${one.table}`;
    byTitle.set(title, [...(byTitle.get(title) ?? []), one.text]);
  }
  const merged = new Map<string, string>();
  for (const [title, lines] of byTitle) {
    const [twin, both] = twinOf(title);
    const text = lines.join("\n");
    if (twin !== title && merged.has(twin) && merged.get(twin) === asIPv4(text)) {
      merged.delete(twin);
      merged.set(both, asIPv4(text));
    } else merged.set(title, text);
  }
  return [...merged].map(([title, text]) => [title.replace(/^(gone|in)/, capital), text] as const);
}

/** The title of the same rules for IPv4, and the title for both. */
function twinOf(title: string): readonly [string, string] {
  const both = title.replace("ip6tables", "iptables and ip6tables").replace(/nft, ip6 (.*)/, "nft, ip $1 and ip6 $1");
  return [title.replace("ip6tables", "iptables").replace("nft, ip6 ", "nft, ip "), both];
}

function asIPv4(text: string): string {
  return text
    .replaceAll(/\bip6 /g, "ip ")
    .replaceAll("ipv6_addr", "ipv4_addr")
    .replaceAll("ipv6-icmp", "icmp");
}

function capital(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}

/** With nftables the rules are always the same: what a situation adds to them has been shown. */
function listing(backend: Backend, hasBase: boolean, printed: readonly Printed[]): readonly string[] {
  if (backend === "nftables" && hasBase) return [wrap(SAME_RULES)];
  return ["## All of it", ...printed.flatMap(whole)];
}

const SAME_RULES = `The rules are those of [a new daemon](new-daemon.md) always; what differs from one situation to another are elements.`;

function whole({ container, command, text }: Printed): readonly string[] {
  if (text === "") return [];
  const where = container === undefined ? "" : ` in ${container}`;
  return [`\`${command}\`${where}:\n\n${fence("text", text)}`];
}

function fence(language: string, text: string): string {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

/** At most 120 columns; paragraphs stay apart. */
export function wrap(text: string): string {
  const paragraphs = text.split("\n\n");
  return paragraphs.map((paragraph) => wrapOne(paragraph.split(/\s+/).filter((word) => word !== ""))).join("\n\n");
}

function wrapOne(words: readonly string[]): string {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines.join("\n");
}
