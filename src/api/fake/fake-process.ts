/**
 * A scripted program that behaves as a process does to those attached: `echo`, `warn` (to stderr), `cat`, `true`, `false`,
 * `sleep` (until killed), `exit N`, `size`, and `sh`, which runs such lines from its stdin; `sh -c` runs one.
 */
import { PassThrough, Writable, type Readable } from "node:stream";
import type { AttachedStreams, OutputChunk, TerminalSize } from "../../engine/engine.ts";

export interface ProcessOptions {
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
}

export class FakeProcess {
  readonly exit: Promise<number>;
  /** All that was printed. */
  readonly printed: { readonly timeNs: bigint; readonly chunk: OutputChunk }[] = [];
  readonly #resolve: (code: number) => void;
  readonly #listeners = new Set<PassThrough>();
  readonly #options: ProcessOptions;
  #size: TerminalSize = { rows: 0, columns: 0 };
  #running = true;
  #line = "";

  constructor(options: ProcessOptions) {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.exit = promise;
    this.#resolve = resolve;
    this.#options = options;
  }

  /** Runs until it waits for input or ends. */
  start(): void {
    const [program = "", ...args] = this.#options.command;
    if (program === "sh" && args[0] === "-c") this.#runLine(args.slice(1).join(" "), true);
    else if (program !== "sh" && program !== "cat") this.#runLine([program, ...args].join(" "), true);
    else if (!this.#options.stdin) this.end(0);
  }

  get openStreams(): number {
    return this.#listeners.size;
  }

  resize(size: TerminalSize): void {
    this.#size = size;
  }

  end(code: number): void {
    if (!this.#running) return;
    this.#running = false;
    for (const listener of this.#listeners) listener.end();
    this.#resolve(code);
  }

  attach(wants: { readonly stdin: boolean; readonly logs: boolean; readonly stream: boolean }): AttachedStreams {
    const output = new PassThrough({ objectMode: true });
    if (wants.logs) for (const { chunk } of this.printed) output.write(chunk);
    if (wants.stream && this.#running) this.#listeners.add(output);
    else output.end();
    output.once("close", () => this.#listeners.delete(output));
    const { tty } = this.#options;
    return wants.stdin && this.#options.stdin ? { output, tty, stdin: this.#stdin() } : { output, tty };
  }

  /** Prints until a reader asks to wait, at most so many bytes; answers how many it printed. */
  flood(most: number): number {
    const chunk: OutputChunk = { stream: "stdout", bytes: Buffer.alloc(64 * 1024) };
    let printed = 0;
    while (printed < most && ![...this.#listeners].some((listener) => listener.writableNeedDrain)) {
      for (const listener of this.#listeners) listener.write(chunk);
      printed += chunk.bytes.length;
    }
    return printed;
  }

  follow(): Readable {
    return this.attach({ stdin: false, logs: true, stream: true }).output;
  }

  #stdin(): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.#input(chunk.toString("utf8"));
        done();
      },
      final: (done) => {
        if (!this.#options.tty) this.end(0);
        done();
      },
    });
  }

  /** A terminal echoes what is typed; ctrl-d ends it. */
  #input(text: string): void {
    if (this.#options.tty) this.#print("stdout", text.replaceAll(/[\r\n]+/g, "\r\n"));
    if (this.#options.tty && text.includes("\u0004")) return this.end(0);
    if (this.#options.command[0] === "cat") return void (this.#options.tty || this.#print("stdout", text));
    const lines = `${this.#line}${text}`.split(/\r\n|[\r\n]/);
    this.#line = lines.pop() ?? "";
    for (const line of lines) this.#runLine(line, false);
  }

  #runLine(line: string, last: boolean): void {
    const [word = "", ...args] = line.trim().split(/\s+/);
    const end = (code: number): void => (last ? this.end(code) : undefined);
    if (word === "exit") return this.end(Number(args[0] ?? "0"));
    if (word === "sleep") return undefined;
    if (word === "echo") this.#print("stdout", `${args.join(" ")}${this.#newline}`);
    if (word === "warn") this.#print("stderr", `${args.join(" ")}${this.#newline}`);
    if (word === "size") this.#print("stdout", `${this.#size.rows} ${this.#size.columns}${this.#newline}`);
    return end(word === "false" ? 1 : 0);
  }

  get #newline(): string {
    return this.#options.tty ? "\r\n" : "\n";
  }

  #print(stream: OutputChunk["stream"], text: string): void {
    const chunk: OutputChunk = { stream: this.#options.tty ? "stdout" : stream, bytes: Buffer.from(text) };
    this.printed.push({ timeNs: BigInt(Date.now()) * 1_000_000n, chunk });
    for (const listener of this.#listeners) listener.write(chunk);
  }
}
