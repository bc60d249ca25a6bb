/** The house's floors, read from ARCHITECTURE.md: imports point down only, and neighbours on a floor do not import each other. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";

const ROOT = dirname(import.meta.dirname);
const FRONT_DOOR_FLOOR = 7;

/** Folder to floor, from rows such as: | 4 | `firewall/` `sandbox/` | ... | */
function readFloors(): ReadonlyMap<string, number> {
  const rows = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8").matchAll(/^\|\s*(\d+)\s*\|([^|]*)\|/gm);
  const entries = [...rows].flatMap(([, floor, folders]) =>
    [...(folders ?? "").matchAll(/`([\w-]+)\/`/g)].map(([, folder]) => [folder ?? "", Number(floor)] as const),
  );
  return new Map(entries);
}

interface Import {
  readonly from: string;
  readonly to: string;
}

function importsOf(path: string): readonly Import[] {
  const text = readFileSync(join(ROOT, path), "utf8");
  const specifiers = text.matchAll(/(?:from|import|import\()\s*"(\.[^"]+)"/g);
  return [...specifiers].map(([, specifier]) => ({
    from: path,
    to: relative(ROOT, join(ROOT, dirname(path), specifier ?? "")),
  }));
}

const floors = readFloors();
const sources = globSync("src/**/*.ts", { cwd: ROOT });
const folderOf = (path: string): string => path.split("/")[1] ?? "";
const floorOf = (path: string): number | undefined =>
  path === "src/index.ts" ? FRONT_DOOR_FLOOR : floors.get(folderOf(path));

test("the table has nine floors", () => {
  assert.deepEqual(
    [...new Set(floors.values())].sort((a, b) => a - b),
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
});

test("every folder of src stands on a floor", () => {
  const homeless = sources.filter((path) => floorOf(path) === undefined);
  assert.deepEqual(homeless, []);
});

/** Tests, and what only they import. */
const isForTests = (path: string): boolean => /\.(test|contract|fixture)\.ts$|\/testing\//.test(path);

test("imports point down only, and stay inside src but for what tests share", () => {
  const wrong = sources.flatMap(importsOf).filter(({ from, to }) => {
    if (isForTests(from) && to.startsWith("test/support/")) return false;
    if (folderOf(from) === folderOf(to)) return false;
    const [here, there] = [floorOf(from), floorOf(to)];
    return !to.startsWith("src/") || here === undefined || there === undefined || there >= here;
  });
  assert.deepEqual(wrong, []);
});
