/**
 * Reads causewayd's command line as dockerd reads its own: `--name value`, `--name=value`, `-n value`, switches alone or with
 * `=true|false`. Node's own parser does the splitting; the table says what exists.
 */
import { parseArgs } from "node:util";
import { EngineError } from "../../base/errors.ts";
import type { Json } from "../../store/store.ts";
import type { Flag } from "./flag.ts";
import { addTyped } from "./flag-value.ts";
import { FLAGS, flagNamed } from "./table.ts";

/** Values by flag name, in the order given. Throws `invalid-argument` in the words of Go's flag package. */
export function parseCommandLine(args: readonly string[]): ReadonlyMap<string, Json> {
  const options = Object.fromEntries(
    FLAGS.filter((flag) => flag.fileOnly !== true).map((flag) => [flag.name, option(flag)]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true, allowPositionals: true });
  const given = new Map<string, Json>();
  for (const token of tokens) {
    if (token.kind === "positional") throw new EngineError("invalid-argument", "causewayd accepts no arguments");
    if (token.kind !== "option") continue;
    const flag = flagNamed(token.name);
    if (flag === undefined) throw unknown(token.rawName);
    given.set(flag.name, addTyped(flag, typedValue(flag, token.rawName, token.value), given.get(flag.name)));
  }
  return given;
}

function option(flag: Flag): { readonly type: "boolean" | "string"; readonly multiple: true; readonly short?: string } {
  const type = flag.kind === "bool" ? "boolean" : "string";
  return { type, multiple: true, ...(flag.short !== undefined && { short: flag.short }) };
}

function typedValue(flag: Flag, rawName: string, value: string | undefined): string {
  if (value !== undefined) return value;
  if (flag.kind === "bool") return "true";
  const name = rawName.startsWith("--") ? rawName : `'${rawName.slice(1)}' in ${rawName}`;
  throw new EngineError("invalid-argument", `flag needs an argument: ${name}`);
}

function unknown(rawName: string): EngineError {
  const message = rawName.startsWith("--")
    ? `unknown flag: ${rawName}`
    : `unknown shorthand flag: '${rawName.slice(1)}' in ${rawName}`;
  return new EngineError("invalid-argument", message);
}
