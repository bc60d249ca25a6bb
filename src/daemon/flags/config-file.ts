/**
 * daemon.json: dockerd's keys, checked as dockerd checks them. A key that nobody knows is an error, and so is one that the
 * command line sets as well. Keys nested one level deep in groups (`proxies`) count as if they stood alone.
 */
import { readFileSync } from "node:fs";
import { EngineError, messageOf } from "../../base/errors.ts";
import type { Json } from "../../store/store.ts";
import { fromFile } from "./flag-value.ts";
import { Settings } from "./settings.ts";
import { flagForKey } from "./table.ts";

const MAX_BYTES = 1 << 20;

/** Command line and file together. A file that is absent counts as empty unless its path was given. */
export function mergeConfigFile(typed: ReadonlyMap<string, Json>): Settings {
  const path = new Settings(typed).textOf("config-file");
  try {
    return merge(typed, readConfigFile(path, typed.has("config-file")));
  } catch (cause) {
    throw new EngineError("invalid-argument", `unable to configure the daemon with file ${path}: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** The file's keys, groups opened up. */
export function readConfigFile(path: string, mustExist: boolean): ReadonlyMap<string, Json> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (!mustExist && cause instanceof Error && "code" in cause && cause.code === "ENOENT") return new Map();
    throw cause;
  }
  if (text.length > MAX_BYTES) throw new EngineError("invalid-argument", "the file is larger than 1 MiB");
  return parseConfigText(text);
}

export function parseConfigText(text: string): ReadonlyMap<string, Json> {
  const trimmed = text.replace(/^\uFEFF/, "").trim();
  if (trimmed === "") return new Map();
  const parsed: Json = JSON.parse(trimmed);
  if (!isObject(parsed)) throw new EngineError("invalid-argument", "the file must hold one JSON object");
  const entries = Object.entries(parsed).flatMap(([key, value]) =>
    isObject(value) && flagForKey(key) === undefined ? Object.entries(value) : [[key, value] as const],
  );
  return new Map(entries);
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Both sources in one, or dockerd's error about keys that are unknown or given twice. */
export function merge(typed: ReadonlyMap<string, Json>, file: ReadonlyMap<string, Json>): Settings {
  const unknown = [...file.keys()].filter((key) => flagForKey(key) === undefined);
  if (unknown.length > 0) {
    const list = unknown.join(", ");
    throw new EngineError("invalid-argument", `the following directives don't match any configuration option: ${list}`);
  }
  refuseConflicts(typed, file);
  const all = new Map(typed);
  for (const [key, value] of file) {
    const flag = flagForKey(key);
    if (flag !== undefined) all.set(flag.name, fromFile(flag, key, value));
  }
  return new Settings(all);
}

function refuseConflicts(typed: ReadonlyMap<string, Json>, file: ReadonlyMap<string, Json>): void {
  const conflicts = [...file].flatMap(([key, value]) => {
    const flag = flagForKey(key);
    const other = flag === undefined ? undefined : typed.get(flag.name);
    // Runtimes of both sources are used together.
    if (other === undefined || key === "runtimes") return [];
    return [`${key}: (from flag: ${printed(other)}, from file: ${printed(value)})`];
  });
  if (conflicts.length === 0) return;
  const list = conflicts.join(", ");
  throw new EngineError(
    "invalid-argument",
    `the following directives are specified both as a flag and in the configuration file: ${list}`,
  );
}

/** As Go prints values: lists in brackets without commas. Credentials in proxy URLs are not for logs. */
function printed(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(printed).join(" ")}]`;
  if (isObject(value))
    return `map[${Object.entries(value)
      .map(([key, item]) => `${key}:${printed(item)}`)
      .join(" ")}]`;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replace(/\/\/[^/@]*@/, "//xxxxx:xxxxx@");
}
