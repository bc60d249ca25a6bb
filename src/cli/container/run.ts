/** `causeway run` and `causeway create`: a container from an image, in the background or joined to the user's terminal. */
import { existsSync, writeFileSync } from "node:fs";
import { runSession, assertTerminal, type AttachOptions } from "../attach-session.ts";
import { ApiError } from "../client/api-client.ts";
import { asList, asObject, asText } from "../client/json-access.ts";
import { printError, printLine, type CliContext } from "../context.ts";
import { CliFailure } from "../failure.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import type { FlagValues } from "../flags/flag-values.ts";
import { createBody } from "./create-body.ts";
import { CREATE_OPTIONS, RUN_OPTIONS } from "./run-options.ts";
import { beginWait, containerPath, followSize, forwardSignals } from "./watch.ts";

export const run: CommandSpec = {
  name: "run",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create and run a new container from an image",
  arguments: [1, Infinity],
  stopsAtArgument: true,
  options: RUN_OPTIONS,
  examples: [
    "causeway run -itd --name c1 --net backend busybox",
    "causeway run --rm -it --net backend busybox ping -c2 c1",
  ],
  run: async (context, args, flags) => {
    if (!flags.isOn("detach")) assertTerminal(context, { tty: flags.isOn("tty"), input: flags.isOn("interactive") });
    await explainStart("run", async () => runContainer(context, args, flags));
  },
};

export const create: CommandSpec = {
  name: "create",
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create a new container",
  arguments: [1, Infinity],
  stopsAtArgument: true,
  options: CREATE_OPTIONS,
  examples: ["causeway create --name c1 --net backend busybox"],
  run: async (context, [image = "", ...command], flags) =>
    explainStart("create", async () => {
      const attach = { stdin: flags.isOn("interactive"), output: true };
      printLine(context, await createContainer(context, flags, { image, command, attach }));
    }),
};

async function runContainer(context: CliContext, args: readonly string[], flags: FlagValues): Promise<void> {
  const [image = "", ...command] = args;
  const detach = flags.isOn("detach");
  const [tty, input] = [flags.isOn("tty"), flags.isOn("interactive")];
  const attach = { stdin: input && !detach, output: !detach };
  const id = await createContainer(context, flags, { image, command, attach });
  if (detach) {
    await context.api.json("POST", containerPath(id, "/start"));
    printLine(context, id);
    return;
  }
  const detachKeys = flags.text("detach-keys");
  const options = { tty, input, ...(detachKeys === undefined ? {} : { detachKeys }) };
  await runAttached(context, id, { ...options, autoRemove: flags.isOn("rm"), signals: flags.isOn("sig-proxy") });
}

interface AttachedRun extends AttachOptions {
  readonly autoRemove: boolean;
  readonly signals: boolean;
}

/** Attaches before the start, so that no output is missed, and ends with the container's own status. */
async function runAttached(context: CliContext, id: string, options: AttachedRun): Promise<void> {
  const query = {
    stream: 1,
    stdout: 1,
    stderr: 1,
    stdin: options.input ? 1 : undefined,
    detachKeys: options.detachKeys,
  };
  const connection = await context.api.hijack(containerPath(id, "/attach"), { query });
  const session = runSession(context, connection, options);
  session.catch(() => undefined);
  const stopSignals = options.signals && !options.tty ? forwardSignals(context, id) : (): void => undefined;
  let stopSize = (): void => undefined;
  try {
    const waiting = await beginWait(context, id, options.autoRemove ? "removed" : "next-exit");
    await context.api.json("POST", containerPath(id, "/start"));
    if (options.tty) stopSize = followSize(context, containerPath(id, "/resize"));
    if ((await session) === "detached") return;
    endWith(await waiting.status);
  } catch (error) {
    connection.socket.destroy();
    throw error;
  } finally {
    stopSize();
    stopSignals();
  }
}

function endWith(status: number): void {
  if (status !== 0) throw new ExitStatus(status);
}

/** The container's own exit status: not a failure of ours to explain. */
class ExitStatus extends CliFailure {
  constructor(status: number) {
    super("", status);
  }
}

interface CreateRequest {
  readonly image: string;
  readonly command: readonly string[];
  readonly attach: { readonly stdin: boolean; readonly output: boolean };
}

async function createContainer(context: CliContext, flags: FlagValues, request: CreateRequest): Promise<string> {
  const cidFile = flags.text("cidfile");
  if (cidFile !== undefined && existsSync(cidFile)) {
    throw new CliFailure(`container ID file found, make sure the other container isn't running or delete ${cidFile}`);
  }
  const body = createBody({ ...request, flags, environment: context.environment });
  const query = { name: flags.text("name"), platform: flags.text("platform") };
  const answer = asObject(await context.api.json("POST", "/containers/create", { query, body }));
  for (const warning of asList(answer["Warnings"])) printError(context, `WARNING: ${asText(warning)}`);
  const id = asText(answer["Id"]);
  if (cidFile !== undefined) writeFileSync(cidFile, id);
  return id;
}

/** Failures before the container ran have docker's shape and statuses: 127 no such program, 126 not to be run, else 125. */
async function explainStart(command: "run" | "create", body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    if (!(error instanceof CliFailure) || error instanceof ExitStatus) throw error;
    const status = command === "create" ? 1 : error instanceof ApiError ? startStatus(error.message) : 125;
    const text = `causeway: ${error.message}\n\nRun 'causeway ${command} --help' for more information`;
    throw new CliFailure(text, status, { cause: error });
  }
}

function startStatus(message: string): number {
  if (/executable file not found|no such file or directory/.test(message)) return 127;
  return /permission denied|is a directory/.test(message) ? 126 : 125;
}
