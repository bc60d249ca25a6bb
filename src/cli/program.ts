/** The tree of commands: what can be typed, and what each group is for. */
import { ApiClient } from "./client/api-client.ts";
import { chooseEndpoint } from "./client/endpoint.ts";
import { CliFailure } from "./failure.ts";
import type { CliContext } from "./context.ts";
import type { GroupSpec } from "./flags/command-spec.ts";
import { bareCommand, mountCommand, type SyntaxCommand } from "./flags/mount-command.ts";
import { text } from "./flags/option-spec.ts";
import { COMMANDS, GROUPS } from "./commands.ts";

const PROGRAM = "causeway";

/** What the process gives: a context without a daemon, which is found once the flags are read. */
export type Surroundings = Omit<CliContext, "api">;

/** Reads the words and does what they say. Throws CliFailure. */
export async function runProgram(words: readonly string[], surroundings: Surroundings): Promise<void> {
  using clients = new DisposableStack();
  await createProgram(surroundings, clients).parseAsync([...words], { from: "user" });
}

function createProgram(surroundings: Surroundings, clients: DisposableStack): SyntaxCommand {
  const program = bareCommand(PROGRAM, PROGRAM, `Usage:  ${PROGRAM} [OPTIONS] COMMAND`);
  program.syntax = { options: [text("host,H", "")], stopsAtArgument: true };
  program.description("Networks and containers on a Causeway engine, or on any daemon with Docker's API");
  program.option("-H, --host <socket>", "Daemon socket to connect to (CAUSEWAY_HOST, DOCKER_HOST)");
  program.configureOutput({
    writeOut: (output) => void surroundings.stdout.write(output),
    outputError: () => undefined,
  });
  let context: CliContext | undefined;
  const lazily = (): CliContext => {
    const host: unknown = program.getOptionValue("host");
    const endpoint = chooseEndpoint(typeof host === "string" ? host : undefined, surroundings.environment);
    context ??= { ...surroundings, api: clients.use(new ApiClient(endpoint)) };
    return context;
  };
  for (const command of COMMANDS) mountCommand(program, PROGRAM, command, lazily);
  for (const group of GROUPS) mountGroup(program, group, lazily);
  refuseOthers(program, PROGRAM, "");
  program.addHelpText(
    "after",
    `\nExample:\n  ${PROGRAM} network create backend && ${PROGRAM} run -d --net backend busybox\n` +
      `\nRun '${PROGRAM} plugin --help' for networks that plain Docker hosts share, a plugin of dockerd.`,
  );
  return program;
}

function mountGroup(program: SyntaxCommand, group: GroupSpec, context: () => CliContext): void {
  const place = `${PROGRAM} ${group.name}`;
  const command = bareCommand(group.name, place, `Usage:  ${place}`);
  command.description(group.summary).summary(group.summary).usage("COMMAND");
  for (const spec of group.commands) mountCommand(command, place, spec, context);
  refuseOthers(command, place, `Usage:  ${place}\n\n`);
  command.addHelpText("after", `\nRun '${place} COMMAND --help' for more information on a command.`);
  program.addCommand(command);
}

/** A word that is no command is refused in docker's words; no word at all gets the help. */
function refuseOthers(command: SyntaxCommand, place: string, usage: string): void {
  command.argument("[command...]");
  command.action(() => {
    const [word] = command.args;
    if (word === undefined) {
      command.outputHelp();
      return;
    }
    // The door takes `plugin` for a program of its own, as the first word only.
    const hint =
      place === PROGRAM && word === "plugin"
        ? `It comes first, with flags of its own: run '${PROGRAM} plugin --help'`
        : `${usage}Run '${place} --help' for more information`;
    throw new CliFailure(`${PROGRAM}: unknown command: ${place} ${word}\n\n${hint}`);
  });
}
