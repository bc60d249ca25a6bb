/**
 * Docker's flag syntax (Go's pflag) in the words that commander knows: `--rm=false` becomes `--no-rm`, `-e=A` becomes `-e A`,
 * aliases become the names they stand for. Pure. What it does not know it leaves for commander to report.
 */
import { invalidFlag, type OptionSpec } from "./option-spec.ts";

export interface Syntax {
  readonly options: readonly OptionSpec[];
  /** The first word that is no flag ends the flags (`run`, `exec`, and groups of commands). */
  readonly stopsAtArgument: boolean;
}

export function normalizeFlags(words: readonly string[], syntax: Syntax): string[] {
  const result: string[] = [];
  for (let index = 0; index < words.length; index++) {
    const word = words[index] ?? "";
    const isArgument = word === "-" || !word.startsWith("-");
    if (word === "--" || (isArgument && syntax.stopsAtArgument)) return [...result, ...words.slice(index)];
    const { parts, takesNext } = isArgument ? plain(word) : normalizeFlag(word, syntax.options);
    result.push(...parts);
    if (takesNext && index + 1 < words.length) result.push(words[++index] ?? "");
  }
  return result;
}

interface Normal {
  readonly parts: readonly string[];
  /** The flag's value is the next word, whatever it looks like. */
  readonly takesNext: boolean;
}

function plain(word: string): Normal {
  return { parts: [word], takesNext: false };
}

function normalizeFlag(word: string, options: readonly OptionSpec[]): Normal {
  return word.startsWith("--") ? normalizeLong(word, options) : normalizeShort(word, options);
}

function normalizeLong(word: string, options: readonly OptionSpec[]): Normal {
  const equals = word.indexOf("=");
  const name = word.slice(2, equals < 0 ? undefined : equals);
  const option = options.find(({ long, aliases }) => long === name || aliases?.includes(name) === true);
  if (option === undefined) return plain(word);
  if (equals < 0) return { parts: [`--${option.long}`], takesNext: option.kind !== "switch" };
  const value = word.slice(equals + 1);
  return option.kind === "switch" ? switchTo(option, value) : plain(`--${option.long}=${value}`);
}

/** `-itd`, `-p80:80`, `-d=false`: letters of switches, of which the last may take the rest as its value. */
function normalizeShort(word: string, options: readonly OptionSpec[]): Normal {
  const parts: string[] = [];
  for (let index = 1; index < word.length; index++) {
    const option = options.find(({ short }) => short === word[index]);
    if (option === undefined) return plainTail(parts, `-${word.slice(index)}`);
    const rest = word.slice(index + 1);
    if (option.kind !== "switch") {
      if (rest === "") return { parts: [...parts, `-${option.short}`], takesNext: true };
      return plainTail(parts, `--${option.long}=${rest.replace(/^=/, "")}`);
    }
    if (rest.startsWith("=")) return { parts: [...parts, ...switchTo(option, rest.slice(1)).parts], takesNext: false };
    parts.push(`-${option.short}`);
  }
  return { parts, takesNext: false };
}

function plainTail(parts: readonly string[], word: string): Normal {
  return { parts: [...parts, word], takesNext: false };
}

function switchTo(option: OptionSpec, value: string): Normal {
  const on = parseBool(value);
  if (on === undefined) {
    throw invalidFlag(option, value, `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  if (on) return plain(`--${option.long}`);
  return option.long.startsWith("no-") ? { parts: [], takesNext: false } : plain(`--no-${option.long}`);
}

/** What Go's strconv.ParseBool takes. */
function parseBool(value: string): boolean | undefined {
  if (/^(1|t|T|true|TRUE|True)$/.test(value)) return true;
  return /^(0|f|F|false|FALSE|False)$/.test(value) ? false : undefined;
}
