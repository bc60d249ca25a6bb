/** The documents say what is: dependencies are explained, links lead somewhere, commands exist, files have honest names. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

const ROOT = dirname(import.meta.dirname);
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

interface Description {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
  readonly bin: Readonly<Record<string, string>>;
}

const description: Description = JSON.parse(read("package.json"));
const documents = globSync(["*.md", "docs/**/*.md"], { cwd: ROOT });
const code = globSync(["{src,test,tools,bench,examples}/**/*.ts", "bin/*.js"], { cwd: ROOT });

test("every dependency has a line in docs/dependencies.md, and every line a dependency", () => {
  const named = [...read("docs/dependencies.md").matchAll(/^\| `([^`]+)` \|/gm)].map(([, name]) => name ?? "");
  const wanted = [...Object.keys(description.dependencies), ...Object.keys(description.devDependencies)];
  assert.deepEqual(named.sort(), wanted.sort());
});

test("links between documents, and to files, lead somewhere", () => {
  const broken = documents.flatMap((document) => {
    const links = read(document).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g);
    const targets = [...links].map(([, target]) => target ?? "");
    return targets
      .filter((target) => !existsSync(join(ROOT, dirname(document), target)))
      .map((target) => `${document}: ${target}`);
  });
  assert.deepEqual(broken, []);
});

test("the npm scripts that documents name exist", () => {
  const missing = documents.flatMap((document) => {
    const named = read(document).matchAll(/\bnpm run ([\w:]+)/g);
    return [...named].flatMap(([, name]) =>
      description.scripts[name ?? ""] === undefined ? [`${document}: ${name}`] : [],
    );
  });
  assert.deepEqual(missing, []);
});

test("the files that `node` is told to run in documents exist", () => {
  const missing = documents.flatMap((document) => {
    const named = read(document).matchAll(/\bnode ((?:tools|examples|bin|bench)\/[\w./-]+)/g);
    return [...named].flatMap(([, path]) => (existsSync(join(ROOT, path ?? "")) ? [] : [`${document}: ${path}`]));
  });
  assert.deepEqual(missing, []);
});

test("the programs of the package exist", () => {
  assert.deepEqual(
    Object.values(description.bin).filter((path) => !existsSync(join(ROOT, path))),
    [],
  );
});

test("no file has a name that says nothing", () => {
  const shapeless = /(^|\/)(utils?|helpers?|common|misc|types|constants|managers?)(\.|\/|$)/;
  assert.deepEqual(
    code.filter((path) => shapeless.test(path)),
    [],
  );
});

test("file names are kebab-case", () => {
  assert.deepEqual(
    code.filter((path) => /[A-Z_]/.test(path)),
    [],
  );
});

test("every file but a test opens with what it is", () => {
  const silent = code.filter((path) => !path.endsWith(".test.ts") && !/^(#!.*\n)?\s*(\/\*\*|\/\/)/.test(read(path)));
  assert.deepEqual(silent, []);
});

test("decisions are numbered without gaps", () => {
  const numbers = globSync("docs/decisions/*.md", { cwd: ROOT }).map((path) => Number(path.slice(15, 19)));
  assert.deepEqual(
    numbers.sort((a, b) => a - b),
    numbers.map((_, index) => index + 1),
  );
});
