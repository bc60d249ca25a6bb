/**
 * Finds the test files and says what each needs: the name decides. `x.test.ts` needs nothing, `x.netns.test.ts` needs root
 * and a private network namespace, `x.system.test.ts` the same and the programs that run containers.
 */
import { globSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";

export type Tier = "unit" | "netns" | "system";

export const TIERS: readonly Tier[] = ["unit", "netns", "system"];

export interface TestFile {
  /** Relative to the repository. */
  readonly path: string;
  readonly tier: Tier;
}

const FOLDERS = ["src", "test", "tools", "examples"];

/** Test files under the given paths (files or folders; the whole repository when empty), sorted by tier, then path. */
export function findTests(root: string, paths: readonly string[], tiers: readonly Tier[]): readonly TestFile[] {
  const wanted = paths.length > 0 ? paths.map((path) => relative(root, resolve(path))) : FOLDERS;
  const found = new Set(wanted.flatMap((path) => testsUnder(root, path)));
  return [...found]
    .map((path) => ({ path, tier: tierOf(path) }))
    .filter((file) => tiers.includes(file.tier))
    .sort((a, b) => TIERS.indexOf(a.tier) - TIERS.indexOf(b.tier) || a.path.localeCompare(b.path));
}

/** The tier that a file's name asks for. */
export function tierOf(path: string): Tier {
  if (path.endsWith(".netns.test.ts")) return "netns";
  return path.endsWith(".system.test.ts") ? "system" : "unit";
}

function testsUnder(root: string, path: string): readonly string[] {
  const stats = statSync(resolve(root, path), { throwIfNoEntry: false });
  if (stats === undefined) return [];
  return stats.isDirectory() ? globSync(`${path === "" ? "." : path}/**/*.test.ts`, { cwd: root }) : [path];
}
