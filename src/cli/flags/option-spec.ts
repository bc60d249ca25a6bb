/** A command's flags as data: what commander is told, what the normaliser knows, and what help shows. */
import { FlagError } from "../failure.ts";

export interface OptionSpec {
  /** Without dashes. One that begins with `no-` is a switch that is off by default. */
  readonly long: string;
  /** One letter. */
  readonly short?: string;
  /** "switch" takes no value; "list" may be repeated. */
  readonly kind: "switch" | "text" | "list";
  /** The word in help for the value. */
  readonly value?: string;
  readonly description: string;
  /** Older or shorter names, not shown. */
  readonly aliases?: readonly string[];
  /** A switch that is on unless told otherwise. */
  readonly on?: boolean;
  /** Throws FlagError for a value that cannot be. */
  readonly check?: (value: string) => void;
}

/** `-d, --detach` as docker names a flag in its errors. */
export function flagName({ long, short }: OptionSpec): string {
  return short === undefined ? `--${long}` : `-${short}, --${long}`;
}

export function invalidFlag(option: OptionSpec, value: string, why: string): FlagError {
  return new FlagError(`invalid argument ${JSON.stringify(value)} for "${flagName(option)}" flag: ${why}`);
}

/** Shorthands for tables of flags: `names` is `long` or `long,s`. */
export function toggle(names: string, description: string, more: Partial<OptionSpec> = {}): OptionSpec {
  return { ...parseNames(names), kind: "switch", description, ...more };
}

export function text(names: string, description: string, more: Partial<OptionSpec> = {}): OptionSpec {
  return { ...parseNames(names), kind: "text", value: "string", description, ...more };
}

export function list(names: string, description: string, more: Partial<OptionSpec> = {}): OptionSpec {
  return { ...parseNames(names), kind: "list", value: "list", description, ...more };
}

/** A whole number. */
export function integer(names: string, description: string, more: Partial<OptionSpec> = {}): OptionSpec {
  return { ...text(names, description, { value: "int", check: checkInteger }), ...more };
}

function parseNames(names: string): { long: string; short?: string } {
  const [long = "", short] = names.split(",");
  return short === undefined ? { long } : { long, short };
}

function checkInteger(value: string): void {
  if (!/^[+-]?\d+$/.test(value)) {
    throw new FlagError(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
}
