/**
 * Skipped tests are counted by name. `test/skips.txt` lists those that are known, one `path > test name` a line, `*` for all of
 * a file, a folder for each file in it; the set may shrink freely and grow only by a line in that file, which a reviewer sees. Lines under
 * `[without docker 28]` count only on a machine that has no such docker CLI: elsewhere those skips are new ones.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname } from "node:path";

/** The major version of the docker CLI on this machine; undefined when there is none. */
export function dockerVersion(): number | undefined {
  const { status, stdout } = spawnSync("docker", ["--version"], { encoding: "utf8", timeout: 10_000 });
  return status === 0 ? Number(/version (\d+)/.exec(stdout)?.[1]) : undefined;
}

/** The known skips of a file's text, on a machine with this docker: lines that are neither empty, comments nor elsewhere's. */
export function parseSkips(text: string, docker: number | undefined): ReadonlySet<string> {
  const known = new Set<string>();
  let applies = true;
  for (const line of text.split("\n").map((raw) => raw.trim())) {
    const section = /^\[without docker (\d+)\]$/.exec(line);
    if (section !== null) applies = Number(section[1]) !== docker;
    else if (applies && line !== "" && !line.startsWith("#")) known.add(line);
  }
  return known;
}

export function readSkips(path: string): ReadonlySet<string> {
  return parseSkips(existsSync(path) ? readFileSync(path, "utf8") : "", dockerVersion());
}

export function isKnown(skips: ReadonlySet<string>, path: string, name: string): boolean {
  return [skipLine(path, name), skipLine(path, "*"), skipLine(dirname(path), name)].some((line) => skips.has(line));
}

/** How a skip is written in the list. */
export function skipLine(path: string, name: string): string {
  return `${path} > ${name}`;
}

/** Whether the text of a test file drives the docker CLI and does not itself look whether there is one. */
export function needsDocker(text: string): boolean {
  return /\.docker\(|\["docker"|DockerLines/.test(text) && !text.includes("needs the docker CLI");
}
