/**
 * Plays the walk-through inside namespaces made for it: starts the daemon, types each line into the real docker CLI (or our
 * own, where docker is not installed), shows what it printed and what changed in the kernel, and checks both.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { TestDaemon } from "../../test/support/daemon.ts";
import { Terminal } from "../../test/support/terminal.ts";
import { makeBusyboxTar } from "./busybox-tar.ts";
import { explain, lookAtKernel } from "./kernel-view.ts";
import { WALK } from "./walk.ts";
import type { Line } from "./walk.ts";

const TERMINAL = { rows: 30, columns: 100 };
/** The shell asks its terminal where the cursor is; there is nobody to answer. */
const CURSOR_QUERY = "\u001B[6n";
const colours = process.stdout.isTTY;
const paint = (code: string, text: string): string => (colours ? `\u001B[${code}m${text}\u001B[0m` : text);

interface Client {
  /** As the reader would type it. */
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

/** The docker CLI where there is one, else, or with `--client causeway`, our own. */
function findClient(): Client {
  const { values } = parseArgs({ options: { client: { type: "string" } } });
  const { status } = spawnSync("docker", ["--version"], { stdio: "ignore" });
  if (status === 0 && values.client !== "causeway") return { name: "docker", command: ["docker"] };
  const own = join(import.meta.dirname, "../../bin/causeway.js");
  return { name: "causeway", command: [process.execPath, own] };
}

/** Our own CLI keeps images under `image`. */
function argumentsFor(client: Client, line: Line, tar: string): readonly string[] {
  const args = line.command.map((word) => (word === "{tar}" ? tar : word));
  return client.name === "causeway" && args[0] === "import" ? ["image", ...args] : args;
}

interface Outcome {
  readonly status: number;
  readonly output: string;
}

function runLine(client: Client, args: readonly string[], environment: NodeJS.ProcessEnv): Outcome {
  const [program, ...first] = client.command;
  const ran = spawnSync(program, [...first, ...args], {
    encoding: "utf8",
    env: { ...process.env, ...environment },
    timeout: 60_000,
  });
  return { status: ran.status ?? 1, output: `${ran.stdout}${ran.stderr}` };
}

async function typeLines(command: string, typed: readonly string[], environment: NodeJS.ProcessEnv): Promise<Outcome> {
  await using terminal = new Terminal(command, TERMINAL, environment);
  let output = "";
  try {
    for (const line of typed) {
      output += `${await terminal.sees("# ")}# `;
      terminal.type(`${line}\r`);
    }
  } catch (error) {
    return { status: 1, output: `${output}${String(error)}` };
  }
  const status = await terminal.ended();
  return { status, output: (output + terminal.rest()).replaceAll("\r", "").replaceAll(CURSOR_QUERY, "") };
}

/** What is wrong with the outcome, or undefined. */
function complaint(line: Line, { status, output }: Outcome): string | undefined {
  if ((status !== 0) !== (line.fails ?? false)) return `it ended with status ${status}`;
  if (line.shows !== undefined && !line.shows.test(output)) return `it should show ${String(line.shows)}`;
  if (line.hides?.test(output) === true) return `it should not show ${String(line.hides)}`;
  return undefined;
}

function printable(args: readonly string[]): string {
  return args.map((word) => (/^[\w./:=-]+$/.test(word) ? word : `'${word}'`)).join(" ");
}

async function playLine(client: Client, line: Line, daemon: TestDaemon): Promise<boolean> {
  const args = argumentsFor(client, line, join(daemon.directory, "busybox.tar"));
  console.log(paint("1", `\n$ ${client.name} ${printable(args)}`));
  const before = lookAtKernel();
  const environment = daemon.environment();
  const quoted = [...client.command, ...args].join(" ");
  const outcome =
    line.typed === undefined ? runLine(client, args, environment) : await typeLines(quoted, line.typed, environment);
  if (outcome.output.trim() !== "") console.log(outcome.output.trimEnd());
  const notes = [explain(before, lookAtKernel()), ...(line.note === undefined ? [] : [line.note])];
  console.log(paint("36", `  kernel: ${notes.join("; ")}`));
  const wrong = complaint(line, outcome);
  if (wrong !== undefined) console.log(paint("31", `  NOT AS IT SHOULD BE: ${wrong}`));
  return wrong === undefined;
}

async function play(): Promise<boolean> {
  const client = findClient();
  console.log(
    `Starting causewayd in its own namespaces, and playing the walk-through with the ${client.name} command.`,
  );
  const before = lookAtKernel();
  await using daemon = await TestDaemon.start();
  console.log(paint("36", `  kernel: ${explain(before, lookAtKernel())}`));
  makeBusyboxTar(join(daemon.directory, "busybox.tar"));
  let wrong = 0;
  for (const line of WALK) if (!(await playLine(client, line, daemon))) wrong += 1;
  if (wrong > 0)
    console.log(`\n${wrong} of ${WALK.length} lines did not do what they should. The daemon's log:\n${daemon.log}`);
  else console.log(`\nAll ${WALK.length} lines did what the document says.`);
  return wrong === 0;
}

process.exitCode = (await play()) ? 0 : 1;
