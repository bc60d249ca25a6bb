/** A command as data: its words, its flags, how many arguments it takes, and what it does. */
import type { CliContext } from "../context.ts";
import type { FlagValues } from "./flag-values.ts";
import type { OptionSpec } from "./option-spec.ts";

export interface CommandSpec {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** What follows the command's name in its usage line: `[OPTIONS] NETWORK`. */
  readonly usage: string;
  readonly summary: string;
  readonly options: readonly OptionSpec[];
  /** Fewest and most arguments. */
  readonly arguments: readonly [minimum: number, maximum: number];
  /** Flags end at the first argument: what follows belongs to the container's command. */
  readonly stopsAtArgument?: boolean;
  /** Lines for help, each a command that can be typed. */
  readonly examples: readonly string[];
  /** Throws CliFailure, FlagError, or an error of the client. */
  readonly run: (context: CliContext, args: readonly string[], flags: FlagValues) => Promise<void>;
}

/** Commands under one word: `network`, `image`, `container`, `system`. */
export interface GroupSpec {
  readonly name: string;
  readonly summary: string;
  readonly commands: readonly CommandSpec[];
}
