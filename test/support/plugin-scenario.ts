/**
 * Scenarios of the docker CLI whose calls of a plugin are recorded: lines as a user types them, some with a call that is made to
 * fail. The recording of a scenario is text: each line, what the user was told where it failed, and the calls that it caused.
 */
import type { Ran } from "./run.ts";
import type { Outcome, PluginRecorder, Recording } from "./plugin-recorder.ts";

export interface ScenarioLine {
  /** Without "docker". */
  readonly line: string;
  /** A call that fails while the line runs. */
  readonly broken?: { readonly method: string; readonly outcome: Outcome };
  /** The daemon is stopped and started again instead. */
  readonly restart?: boolean;
}

export interface Scenario {
  /** The golden's file name. */
  readonly name: string;
  readonly lines: readonly ScenarioLine[];
}

export interface RecordedDaemon {
  docker(args: readonly string[]): Promise<Ran>;
  stop(): Promise<unknown>;
  start(): Promise<void>;
}

export interface Recorders {
  readonly recording: Recording;
  readonly recorders: readonly PluginRecorder[];
}

/** Plays the scenario; gives its recording. */
export async function record(daemon: RecordedDaemon, { lines }: Scenario, to: Recorders): Promise<string> {
  const { recording, recorders } = to;
  recording.begin();
  const text: string[] = [];
  for (const { line, broken, restart } of lines) {
    if (broken !== undefined) for (const recorder of recorders) recorder.fail(broken.method, broken.outcome);
    if (restart === true) {
      await daemon.stop();
      await daemon.start();
      text.push("(the daemon restarts)");
    } else {
      const fault = broken === undefined ? "" : `   (${broken.method} answers ${told(broken.outcome)})`;
      text.push(`$ docker ${line}${fault}`, ...complaint(await daemon.docker(line.split(" ")), recording));
    }
    for (const recorder of recorders) recorder.heal();
    text.push(...recording.take(), "");
  }
  return text.join("\n");
}

function told({ status, body }: Outcome): string {
  return `${status} ${body}`;
}

/** What the CLI printed where it failed; its advice to read the help is not the daemon's. */
function complaint({ status, stderr }: Ran, recording: Recording): readonly string[] {
  if (status === 0) return [];
  const lines = stderr.trim().split("\n");
  const said = lines.filter((line) => line.trim() !== "" && !/^(Run 'docker|exit status)/.test(line));
  return said.map((line) => `! ${recording.normalise(line)}`);
}
