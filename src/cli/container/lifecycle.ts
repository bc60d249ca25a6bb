/** `causeway stop`, `restart`, `kill`, `rm` and `rename`: one word to the daemon for each container. */
import { ApiError } from "../client/api-client.ts";
import { printError, printLine, type CliContext } from "../context.ts";
import { CliFailure } from "../failure.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import { integer, text, toggle, type OptionSpec } from "../flags/option-spec.ts";
import { containerPath } from "./watch.ts";

const SIGNAL = text("signal,s", "Signal to send to the container");
const TIMEOUT: OptionSpec = integer("timeout,t", "Seconds to wait before killing the container", { aliases: ["time"] });
const MANY = { usage: "[OPTIONS] CONTAINER [CONTAINER...]", arguments: [1, Infinity] } as const;

export const stop: CommandSpec = {
  ...MANY,
  name: "stop",
  summary: "Stop one or more running containers",
  options: [SIGNAL, TIMEOUT],
  examples: ["causeway stop c1 c2", "causeway stop -t 1 c1"],
  run: async (context, names, flags) => {
    const query = { signal: flags.text("signal"), t: flags.text("timeout") };
    await forEach(context, names, async (name) => context.api.json("POST", containerPath(name, "/stop"), { query }));
  },
};

export const restart: CommandSpec = {
  ...MANY,
  name: "restart",
  summary: "Restart one or more containers",
  options: [SIGNAL, TIMEOUT],
  examples: ["causeway restart c1"],
  run: async (context, names, flags) => {
    const query = { signal: flags.text("signal"), t: flags.text("timeout") };
    await forEach(context, names, async (name) => context.api.json("POST", containerPath(name, "/restart"), { query }));
  },
};

export const kill: CommandSpec = {
  ...MANY,
  name: "kill",
  summary: "Kill one or more running containers",
  options: [SIGNAL],
  examples: ["causeway kill c1", "causeway kill -s HUP c1"],
  run: async (context, names, flags) => {
    const query = { signal: flags.text("signal") };
    await forEach(context, names, async (name) => context.api.json("POST", containerPath(name, "/kill"), { query }));
  },
};

export const remove: CommandSpec = {
  ...MANY,
  name: "rm",
  aliases: ["remove"],
  summary: "Remove one or more containers",
  options: [
    toggle("force,f", "Force the removal of a running container (uses SIGKILL)"),
    toggle("link,l", "Remove the specified link"),
    toggle("volumes,v", "Remove anonymous volumes associated with the container"),
  ],
  examples: ["causeway rm c1", "causeway rm -f c1 c2"],
  run: async (context, names, flags) => {
    const force = flags.isOn("force");
    const query = { force, v: flags.isOn("volumes"), link: flags.isOn("link") };
    await forEach(
      context,
      names,
      async (name) => {
        const trimmed = name.replace(/^\/+/, "");
        if (trimmed === "") throw new CliFailure("container name cannot be empty");
        return context.api.json("DELETE", containerPath(trimmed), { query });
      },
      (error) => force && error instanceof ApiError && error.status === 404,
    );
  },
};

export const rename: CommandSpec = {
  name: "rename",
  usage: "CONTAINER NEW_NAME",
  summary: "Rename a container",
  arguments: [2, 2],
  options: [],
  examples: ["causeway rename c1 web"],
  run: async ({ api }, [container = "", name = ""]) => {
    try {
      await api.json("POST", containerPath(container, "/rename"), { query: { name } });
    } catch (cause) {
      if (!(cause instanceof CliFailure)) throw cause;
      throw new CliFailure(`${cause.message}\nError: failed to rename container named ${container}`, 1, { cause });
    }
  },
};

/** Names that worked go to stdout, errors to stderr; one error is enough for status 1, and none stops the others. */
async function forEach(
  context: CliContext,
  names: readonly string[],
  act: (name: string) => Promise<unknown>,
  isHarmless: (error: CliFailure) => boolean = () => false,
): Promise<void> {
  const outcomes = await Promise.all(names.map(async (name) => ({ name, error: await failureOf(act(name)) })));
  for (const { name, error } of outcomes) if (error === undefined) printLine(context, name);
  const errors = outcomes.flatMap(({ error }) => (error === undefined ? [] : [error]));
  if (errors.length === 0) return;
  printError(context, errors.map(({ message }) => message).join("\n"));
  if (!errors.every(isHarmless)) throw new CliFailure("");
}

async function failureOf(promise: Promise<unknown>): Promise<CliFailure | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    if (error instanceof ApiError && error.status === 304) return undefined;
    if (error instanceof CliFailure) return error;
    throw error;
  }
}
