/**
 * A program on a real terminal: `script` (util-linux) makes the pty, the test types and reads. What is typed is sent when
 * what it answers to has been seen, so that nothing depends on time.
 */
import { spawn } from "node:child_process";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { until } from "./wait.ts";

export class Terminal implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<number>;
  #screen = "";
  #seen = 0;

  /** `command` is a shell command line; the terminal has the given size. */
  constructor(
    command: string,
    size: { readonly rows: number; readonly columns: number },
    environment: NodeJS.ProcessEnv,
  ) {
    const line = `stty rows ${size.rows} cols ${size.columns}; exec ${command}`;
    this.#child = spawn("script", ["-qec", line, "/dev/null"], {
      env: { ...process.env, TERM: "xterm", ...environment },
    });
    this.#child.stdout.setEncoding("utf8").on("data", (chunk: string) => (this.#screen += chunk));
    const { promise, resolve } = Promise.withResolvers<number>();
    this.#child.once("close", (code) => resolve(code ?? 128));
    this.#ended = promise;
  }

  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** Waits for the text to appear after what was seen before; gives what came up to it. */
  async sees(text: string): Promise<string> {
    const at = await until(
      `${JSON.stringify(text)} on the terminal, which shows ${JSON.stringify(this.#screen)}`,
      () => {
        const found = this.#screen.indexOf(text, this.#seen);
        return found < 0 ? undefined : { found };
      },
    );
    const before = this.#screen.slice(this.#seen, at.found);
    this.#seen = at.found + text.length;
    return before;
  }

  /** What came up since. */
  rest(): string {
    return this.#screen.slice(this.#seen);
  }

  /** The program's exit status. */
  async ended(): Promise<number> {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#ended;
  }
}
