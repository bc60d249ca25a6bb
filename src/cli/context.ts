/** What a command works with: the daemon's API, the three streams and the environment. Tests give their own. */
import type { Readable, Writable } from "node:stream";
import type { ApiClient } from "./client/api-client.ts";

export interface CliContext {
  readonly api: ApiClient;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly environment: NodeJS.ProcessEnv;
}

export function printLine(context: CliContext, line: string): void {
  context.stdout.write(`${line}\n`);
}

export function printError(context: CliContext, line: string): void {
  context.stderr.write(`${line}\n`);
}
