/** `causeway exec`, `attach`, `start` and `logs`: joining what runs, or what it wrote. */
import { messageOf } from "../../base/errors.ts";
import { assertTerminal, runSession } from "../attach-session.ts";
import { asBoolean, asNumber, asObject, asText, type JsonObject } from "../client/json-access.ts";
import { copyFrames, copyRaw } from "../client/output-frames.ts";
import { printError, printLine, type CliContext } from "../context.ts";
import { CliFailure } from "../failure.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import type { FlagValues } from "../flags/flag-values.ts";
import { checkEnvironment, readPairFile, resolveEnvironment } from "../flags/key-values.ts";
import { list, text, toggle } from "../flags/option-spec.ts";
import { sizeOf } from "../terminal.ts";
import { parseTimestamp } from "./timestamps.ts";
import { beginWait, containerPath, followSize, forwardSignals } from "./watch.ts";

export const exec: CommandSpec = {
  name: "exec",
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  summary: "Execute a command in a running container",
  arguments: [2, Infinity],
  stopsAtArgument: true,
  options: [
    toggle("detach,d", "Detached mode: run command in the background"),
    text("detach-keys", "Override the key sequence for detaching a container"),
    list("env,e", "Set environment variables", { check: checkEnvironment }),
    list("env-file", "Read in a file of environment variables"),
    toggle("interactive,i", "Keep STDIN open even if not attached"),
    toggle("privileged", "Give extended privileges to the command"),
    toggle("tty,t", "Allocate a pseudo-TTY"),
    text("user,u", "Username or UID (format: <name|uid>[:<group|gid>])"),
    text("workdir,w", "Working directory inside the container"),
  ],
  examples: ["causeway exec c1 ping -c2 c2", "causeway exec -it c2 sh"],
  run: async (context, [container = "", ...command], flags) => runExec(context, container, command, flags),
};

/** Docker's word for the user's leaving, where the process's own status cannot be given. */
const DETACHED = "read escape sequence";

async function runExec(context: CliContext, container: string, command: string[], flags: FlagValues): Promise<void> {
  const [tty, detach] = [flags.isOn("tty"), flags.isOn("detach")];
  const input = flags.isOn("interactive") && !detach;
  if (!detach) assertTerminal(context, { tty, input });
  const consoleSize = tty ? sizeOf(context.stdout) : [];
  const variables = [...flags.list("env-file").flatMap(readPairFile), ...flags.list("env")];
  const body = {
    Detach: detach,
    AttachStdin: input,
    AttachStdout: !detach,
    AttachStderr: !detach,
    Tty: tty,
    Cmd: command,
    Env: resolveEnvironment(variables, context.environment),
    User: flags.text("user") ?? "",
    WorkingDir: flags.text("workdir") ?? "",
    Privileged: flags.isOn("privileged"),
    DetachKeys: flags.text("detach-keys") ?? "",
    ConsoleSize: consoleSize,
  };
  const created = asObject(await context.api.json("POST", containerPath(container, "/exec"), { body }));
  const path = `/exec/${asText(created["Id"])}`;
  if (detach) {
    await context.api.json("POST", `${path}/start`, { body: { Detach: true, Tty: tty } });
    return;
  }
  const start = { Detach: false, Tty: tty, ConsoleSize: consoleSize };
  const connection = await context.api.hijack(`${path}/start`, { body: start });
  const stopSize = tty ? followSize(context, `${path}/resize`) : (): void => undefined;
  try {
    const end = await runSession(context, connection, sessionOptions(flags, tty, input));
    if (end === "detached") throw new CliFailure(DETACHED);
  } finally {
    stopSize();
  }
  const status = asNumber(asObject(await context.api.json("GET", `${path}/json`))["ExitCode"]);
  if (status !== 0) throw new CliFailure("", status);
}

function sessionOptions(flags: FlagValues, tty: boolean, input: boolean): Parameters<typeof runSession>[2] {
  const detachKeys = flags.text("detach-keys");
  return detachKeys === undefined ? { tty, input } : { tty, input, detachKeys };
}

export const attach: CommandSpec = {
  name: "attach",
  usage: "[OPTIONS] CONTAINER",
  summary: "Attach local standard input, output, and error streams to a running container",
  arguments: [1, 1],
  options: [
    text("detach-keys", "Override the key sequence for detaching a container"),
    toggle("no-stdin", "Do not attach STDIN"),
    toggle("sig-proxy", "Proxy all received signals to the process", { on: true }),
  ],
  examples: ["causeway attach c1", "causeway attach --detach-keys ctrl-x c1"],
  run: async (context, [container = ""], flags) => {
    const details = asObject(await context.api.json("GET", containerPath(container, "/json")));
    const state = asObject(details["State"]);
    if (!asBoolean(state["Running"])) throw new CliFailure("You cannot attach to a stopped container, start it first");
    if (asBoolean(state["Paused"])) throw new CliFailure("You cannot attach to a paused container, unpause it first");
    if (asBoolean(state["Restarting"]))
      throw new CliFailure("You cannot attach to a restarting container, wait until it is running");
    const waiting = await beginWait(context, container, "not-running");
    await attachTo(context, container, details, { flags, input: !flags.isOn("no-stdin"), wait: waiting.status });
  },
};

interface Attaching {
  readonly flags: FlagValues;
  readonly input: boolean;
  readonly wait: Promise<number>;
  /** Starts the container, once the streams are joined; without it, it runs already. */
  readonly begin?: () => Promise<void>;
}

async function attachTo(context: CliContext, id: string, details: JsonObject, attaching: Attaching): Promise<void> {
  const config = asObject(details["Config"]);
  const tty = asBoolean(config["Tty"]);
  const input = attaching.input && asBoolean(config["OpenStdin"]);
  assertTerminal(context, { tty, input });
  const detachKeys = attaching.flags.text("detach-keys");
  const query = { stream: 1, stdout: 1, stderr: 1, stdin: input ? 1 : undefined, detachKeys };
  const connection = await context.api.hijack(containerPath(id, "/attach"), { query });
  const session = runSession(context, connection, sessionOptions(attaching.flags, tty, input));
  session.catch(() => undefined);
  const stopSignals = attaching.flags.isOn("sig-proxy") && !tty ? forwardSignals(context, id) : (): void => undefined;
  let stopSize = (): void => undefined;
  try {
    await attaching.begin?.();
    if (tty) stopSize = followSize(context, containerPath(id, "/resize"), attaching.begin === undefined);
    if ((await session) === "detached") {
      if (attaching.begin === undefined) throw new CliFailure(DETACHED);
      return;
    }
    const status = await attaching.wait;
    if (status !== 0) throw new CliFailure("", status);
  } finally {
    connection.socket.destroy();
    stopSize();
    stopSignals();
  }
}

export const start: CommandSpec = {
  name: "start",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Start one or more stopped containers",
  arguments: [1, Infinity],
  options: [
    toggle("attach,a", "Attach STDOUT/STDERR and forward signals"),
    text("detach-keys", "Override the key sequence for detaching a container"),
    toggle("interactive,i", "Attach container's STDIN"),
    toggle("sig-proxy", "Proxy all received signals to the process", { on: true }),
  ],
  examples: ["causeway start c1", "causeway start -ai c1"],
  run: async (context, names, flags) => {
    if (flags.isOn("attach") || flags.isOn("interactive")) {
      if (names.length > 1) throw new CliFailure("you cannot start and attach multiple containers at once");
      await startAttached(context, names[0] ?? "", flags);
      return;
    }
    const failed: string[] = [];
    for (const name of names) {
      try {
        await context.api.json("POST", containerPath(name, "/start"));
        printLine(context, name);
      } catch (error) {
        if (!(error instanceof CliFailure)) throw error;
        printError(context, error.message);
        failed.push(name);
      }
    }
    if (failed.length > 0) throw new CliFailure(`Error: failed to start containers: ${failed.join(", ")}`);
  },
};

async function startAttached(context: CliContext, name: string, flags: FlagValues): Promise<void> {
  const details = asObject(await context.api.json("GET", containerPath(name, "/json")));
  const id = asText(details["Id"]);
  const removes = asBoolean(asObject(details["HostConfig"])["AutoRemove"]);
  const waiting = await beginWait(context, id, removes ? "removed" : "next-exit");
  const begin = async (): Promise<void> => void (await context.api.json("POST", containerPath(id, "/start")));
  await attachTo(context, id, details, { flags, input: flags.isOn("interactive"), wait: waiting.status, begin });
}

export const logs: CommandSpec = {
  name: "logs",
  usage: "[OPTIONS] CONTAINER",
  summary: "Fetch the logs of a container",
  arguments: [1, 1],
  options: [
    toggle("details", "Show extra details provided to logs"),
    toggle("follow,f", "Follow log output"),
    text("since", 'Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m")'),
    text("tail,n", 'Number of lines to show from the end of the logs (default "all")'),
    toggle("timestamps,t", "Show timestamps"),
    text("until", 'Show logs before a timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m")'),
  ],
  examples: ["causeway logs -f --tail 20 c1", "causeway logs --since 10m -t c1"],
  run: async (context, [container = ""], flags) => {
    const details = asObject(await context.api.json("GET", containerPath(container, "/json")));
    const query = {
      stdout: 1,
      stderr: 1,
      follow: flags.isOn("follow"),
      timestamps: flags.isOn("timestamps"),
      details: flags.isOn("details"),
      tail: flags.text("tail") ?? "all",
      since: timeFlag(flags, "since"),
      until: timeFlag(flags, "until"),
    };
    const source = await context.api.stream("GET", containerPath(asText(details["Id"]), "/logs"), { query });
    if (asBoolean(asObject(details["Config"])["Tty"])) await copyRaw(source, context.stdout);
    else await copyFrames(source, context.stdout, context.stderr);
  },
};

function timeFlag(flags: FlagValues, name: "since" | "until"): string | undefined {
  const value = flags.text(name);
  if (value === undefined) return undefined;
  try {
    return parseTimestamp(value);
  } catch (cause) {
    throw new CliFailure(`invalid value for "${name}": ${messageOf(cause)}`, 1, { cause });
  }
}
