/**
 * Skipped tests are counted by name. `test/skips.txt` lists those that are known, one `path > test name` a line; the set may
 * shrink freely and grow only by a line in that file, which a reviewer sees.
 */
import { existsSync, readFileSync } from "node:fs";

/** The known skips of a file's text: lines that are neither empty nor comments. */
export function parseSkips(text: string): ReadonlySet<string> {
  const lines = text.split("\n").map((line) => line.trim());
  return new Set(lines.filter((line) => line !== "" && !line.startsWith("#")));
}

export function readSkips(path: string): ReadonlySet<string> {
  return parseSkips(existsSync(path) ? readFileSync(path, "utf8") : "");
}

/** How a skip is written in the list. */
export function skipLine(path: string, name: string): string {
  return `${path} > ${name}`;
}
