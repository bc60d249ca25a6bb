/**
 * Puts a command's spec on commander, with Docker's syntax, sentences and exit statuses where commander has others: flags
 * are normalised before commander reads them, and its errors are told as docker tells them.
 */
import { Command, Option, type CommanderError } from "commander";
import { CliFailure, FlagError } from "../failure.ts";
import type { CliContext } from "../context.ts";
import type { CommandSpec } from "./command-spec.ts";
import { FlagValues } from "./flag-values.ts";
import { normalizeFlags, type Syntax } from "./normalize.ts";
import { invalidFlag, type OptionSpec } from "./option-spec.ts";

/** A commander command that reads flags as docker does. */
export class SyntaxCommand extends Command {
  syntax: Syntax = { options: [], stopsAtArgument: true };
  /** The last word that was read, for the error about a value that is missing behind it. */
  lastWord = "";

  /** Adds the usage to a sentence about a flag. */
  usageFailure: (sentence: string) => CliFailure = (sentence) => new CliFailure(sentence, 125);

  override parseOptions(words: string[]): ReturnType<Command["parseOptions"]> {
    this.lastWord = words.at(-1) ?? "";
    try {
      return super.parseOptions(normalizeFlags(words, this.syntax));
    } catch (error) {
      throw error instanceof FlagError ? this.usageFailure(error.message) : error;
    }
  }
}

/** Adds the command under `parent`; `path` is what the user types before the command's name. */
export function mountCommand(parent: Command, path: string, spec: CommandSpec, context: () => CliContext): void {
  const place = `${path} ${spec.name}`;
  const command = bareCommand(spec.name, place, `Usage:  ${place}${spec.usage === "" ? "" : ` ${spec.usage}`}`);
  command.syntax = { options: spec.options, stopsAtArgument: spec.stopsAtArgument === true };
  command.summary(spec.summary).description(spec.summary).usage(spec.usage).argument("[args...]");
  command.aliases([...(spec.aliases ?? [])]);
  for (const option of spec.options.flatMap(commanderOptions)) command.addOption(option);
  if (spec.stopsAtArgument === true) command.passThroughOptions();
  command.addHelpText("after", `\n${spec.examples.length > 1 ? "Examples" : "Example"}:\n${indent(spec.examples)}`);
  command.action(async () => {
    assertArguments(place, spec, command.args.length);
    await spec.run(context(), command.args, collectFlags(command, spec.options)).catch((error: unknown) => {
      throw error instanceof FlagError ? command.usageFailure(error.message) : error;
    });
  });
  parent.addCommand(command);
}

/** A command whose errors are thrown as CliFailures with Docker's sentences. */
export function bareCommand(name: string, place: string, usage: string): SyntaxCommand {
  const command = new SyntaxCommand(name);
  command.helpOption("--help", "Print usage").helpCommand(false).allowExcessArguments().enablePositionalOptions();
  command.configureOutput({ outputError: () => undefined }).showSuggestionAfterError(false);
  command.configureHelp({ subcommandTerm: (sub) => sub.name(), showGlobalOptions: false });
  command.usageFailure = (sentence) =>
    new CliFailure(`${sentence}\n\n${usage}\n\nRun '${place} --help' for more information`, 125);
  return command.exitOverride((error) => {
    if (error.exitCode === 0 || error.code === "commander.help") throw new CliFailure("", 0);
    throw command.usageFailure(dockerSentence(error, command.lastWord));
  });
}

function dockerSentence({ code, message }: CommanderError, lastWord: string): string {
  const quoted = /'([^']*)'/.exec(message)?.[1] ?? "";
  if (code === "commander.unknownOption") {
    const name = quoted.split("=")[0] ?? "";
    return name.startsWith("--") ? `unknown flag: ${name}` : `unknown shorthand flag: '${name[1]}' in ${name}`;
  }
  if (code === "commander.optionMissingArgument") {
    if (lastWord.startsWith("--")) return `flag needs an argument: ${lastWord}`;
    return `flag needs an argument: '${lastWord.at(-1)}' in -${lastWord.at(-1)}`;
  }
  return message.replace(/^error: /, "");
}

function assertArguments(place: string, spec: CommandSpec, count: number): void {
  const [minimum, maximum] = spec.arguments;
  if (count >= minimum && count <= maximum) return;
  const wanted =
    maximum === 0
      ? "accepts no arguments"
      : minimum === maximum
        ? `requires ${plural(minimum)}`
        : maximum === Infinity
          ? `requires at least ${plural(minimum)}`
          : minimum === 0
            ? `requires at most ${plural(maximum)}`
            : `requires at least ${minimum} and at most ${plural(maximum)}`;
  const hint = maximum === Infinity ? "See" : "Run";
  const program = place.split(" ")[0];
  throw new CliFailure(
    `${program}: '${place}' ${wanted}\n\nUsage:  ${place} ${spec.usage}\n\n${hint} '${place} --help' for more information`,
  );
}

function plural(count: number): string {
  return `${count} argument${count === 1 ? "" : "s"}`;
}

/** A switch gets a hidden opposite, for `--x=false`. */
function commanderOptions(spec: OptionSpec): Option[] {
  const flags = spec.short === undefined ? `--${spec.long}` : `-${spec.short}, --${spec.long}`;
  if (spec.kind === "switch") {
    const option = new Option(flags, spec.description + (spec.on === true ? " (default true)" : ""));
    return spec.long.startsWith("no-") ? [option] : [option, new Option(`--no-${spec.long}`).hideHelp()];
  }
  const option = new Option(`${flags} <${spec.value ?? "string"}>`, spec.description);
  option.argParser((value: string, previous: readonly string[] | undefined) => {
    check(spec, value);
    return [...(previous ?? []), value];
  });
  return [option];
}

function check(spec: OptionSpec, value: string): void {
  try {
    spec.check?.(value);
  } catch (error) {
    throw error instanceof FlagError ? invalidFlag(spec, value, error.message) : error;
  }
}

function collectFlags(command: Command, options: readonly OptionSpec[]): FlagValues {
  const values = new Map<string, readonly string[] | boolean>();
  for (const { long, kind } of options) {
    const off = long.startsWith("no-") && kind === "switch";
    const attribute = camelCase(off ? long.slice(3) : long);
    const value: unknown = command.getOptionValue(attribute);
    const given = command.getOptionValueSource(attribute) === "cli";
    if (!given) continue;
    if (kind === "switch") values.set(long, off ? value === false : value === true);
    else if (Array.isArray(value)) values.set(long, value.map(String));
  }
  return new FlagValues(values, new Set(options.filter(({ on }) => on === true).map(({ long }) => long)));
}

function camelCase(name: string): string {
  return name.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function indent(lines: readonly string[]): string {
  return lines
    .map((line) => `  ${line}\n`)
    .join("")
    .trimEnd();
}
