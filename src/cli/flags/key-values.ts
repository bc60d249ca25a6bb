/** Values of the form `key=value`: labels, options, environment, hosts. */
import { readFileSync } from "node:fs";
import { CliFailure, FlagError } from "../failure.ts";

/** `k=v` pairs as an object; a key alone has the empty value. */
export function toMap(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(pairs.map(splitPair));
}

function splitPair(pair: string): [key: string, value: string] {
  const equals = pair.indexOf("=");
  return equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

/** Flags that docker calls maps: a pair without `=` is refused. */
export function checkPair(value: string): void {
  if (!value.includes("=")) throw new FlagError("invalid argument: must be key=value");
}

/** A variable without `=` is taken from this process; where it is not set, its bare name asks for it to be unset. */
export function resolveEnvironment(pairs: readonly string[], environment: NodeJS.ProcessEnv): string[] {
  return pairs.map((pair) => {
    const value = pair.includes("=") ? undefined : environment[pair];
    return value === undefined ? pair : `${pair}=${value}`;
  });
}

export function checkEnvironment(value: string): void {
  if (value === "" || value.startsWith("=")) throw new FlagError(`invalid environment variable: ${value}`);
}

/** Lines of an environment or label file; blank lines and `#` comments do not count. Throws CliFailure. */
export function readPairFile(path: string): string[] {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (cause) {
    throw new CliFailure(`open ${path}: no such file or directory`, 1, { cause });
  }
  const lines = content
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map((line) => line.trimStart());
  const pairs = lines.filter((line) => line !== "" && !line.startsWith("#"));
  for (const pair of pairs) assertVariable(pair, path);
  return pairs;
}

function assertVariable(pair: string, path: string): void {
  const name = pair.split("=")[0] ?? "";
  if (name === "") throw new CliFailure(`invalid env file (${path}): no variable name on line '${pair}'`);
  if (/\s/.test(name)) throw new CliFailure(`invalid env file (${path}): variable '${name}' contains whitespaces`);
}
