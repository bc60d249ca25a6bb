/**
 * `npm run docs:rules` writes docs/rules: for each scenario and firewall backend the rules that the engine really programs,
 * with the reason for each. `--check` writes nothing and fails where a page is not what would be written. Needs root
 * and the firewall's tools; each stage runs in namespaces of its own.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { renderIndex } from "./rules-docs/index-page.ts";
import type { Played } from "./rules-docs/play.ts";
import { renderPage } from "./rules-docs/render.ts";
import { BACKENDS, type Backend, type Scenario, type Stage } from "./rules-docs/scenario.ts";
import { STAGES } from "./rules-docs/stages.ts";
import { isolated } from "./testing/isolated.ts";

const ROOT = dirname(import.meta.dirname);
const PAGES = join(ROOT, "docs/rules");
const TOOLS: Readonly<Record<Backend, readonly string[]>> = {
  iptables: ["iptables-save", "ip6tables-save"],
  nftables: ["nft"],
};

/** Why no page can be made here, or undefined. */
function obstacle(): string | undefined {
  if (process.getuid?.() !== 0) return "it makes network namespaces, which only root may do";
  const needed = ["containerd", "runc", "busybox", ...BACKENDS.flatMap((backend) => TOOLS[backend])];
  const missing = needed.filter((program) => spawnSync("sh", ["-c", `command -v ${program}`]).status !== 0);
  return missing.length > 0 ? `not installed: ${missing.join(", ")}` : undefined;
}

async function play(backend: Backend, stage: Stage): Promise<Played> {
  const script = join(ROOT, "tools/rules-docs/play.ts");
  const [program, ...args] = isolated(ROOT, [process.execPath, script, backend, stage.name]);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise<number>((resolve) => child.once("close", (status) => resolve(status ?? 1)));
  const printed = await text(child.stdout);
  if ((await ended) !== 0) throw new Error(`stage ${stage.name} with ${backend} could not be played`);
  const played: Played = JSON.parse(printed);
  return played;
}

/** Pages by their path below docs/rules. */
async function makePages(): Promise<ReadonlyMap<string, string>> {
  const pages = new Map([["README.md", renderIndex()]]);
  const complaints: string[] = [];
  for (const backend of BACKENDS) {
    const all: Record<string, { readonly scenario: Scenario; readonly printed: Played[string] }> = {};
    for (const stage of STAGES) {
      const played = await play(backend, stage);
      for (const scenario of stage.scenarios) {
        const here = { scenario, printed: played[scenario.name] ?? [] };
        all[scenario.name] = here;
        const base = scenario.base === undefined ? undefined : all[scenario.base];
        try {
          pages.set(`${backend}/${scenario.name}.md`, renderPage({ backend, ...here, ...(base && { base }) }));
        } catch (cause) {
          complaints.push(`${backend}/${scenario.name}: ${cause instanceof Error ? cause.message : String(cause)}`);
        }
      }
    }
  }
  if (complaints.length > 0) throw new Error(complaints.join("\n"));
  return pages;
}

function pagesOnDisk(): readonly string[] {
  const entries = readdirSync(PAGES, { recursive: true, encoding: "utf8" });
  return entries.filter((path) => path.endsWith(".md"));
}

function write(pages: ReadonlyMap<string, string>): void {
  rmSync(PAGES, { recursive: true, force: true });
  for (const [path, content] of pages) {
    mkdirSync(dirname(join(PAGES, path)), { recursive: true });
    writeFileSync(join(PAGES, path), content);
  }
  console.log(`docs/rules: ${pages.size} pages written`);
}

/** Says which pages are stale; true when none is. */
function check(pages: ReadonlyMap<string, string>): boolean {
  const present = pagesOnDisk();
  const stale = [...pages].filter(
    ([path, content]) => !present.includes(path) || readFileSync(join(PAGES, path), "utf8") !== content,
  );
  const names = [...stale.map(([path]) => path), ...present.filter((path) => !pages.has(path))];
  for (const name of names) console.log(`docs/rules/${name} is stale: npm run docs:rules writes it anew`);
  return names.length === 0;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
  const reason = obstacle();
  if (reason !== undefined) {
    console.log(`docs/rules cannot be ${values.check ? "checked" : "written"}: ${reason}`);
    return values.check && process.env["CI"] !== "true" ? 0 : 1;
  }
  const pages = await makePages();
  if (values.check) return check(pages) ? 0 : 1;
  write(pages);
  return 0;
}

process.exitCode = await main().catch((cause: unknown) => {
  console.error(cause instanceof Error ? cause.message : cause);
  return 1;
});
