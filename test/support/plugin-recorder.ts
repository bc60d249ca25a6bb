/**
 * Stands between a daemon and a plugin, both unchanged: every call is passed on and written down with its answer. What differs
 * from run to run (ids, MACs, paths of namespaces) is numbered in the order that it appears, so that two daemons can be compared
 * call by call. A call can be made to fail.
 */
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { dirname } from "node:path";
import { text } from "node:stream/consumers";
import { NumberedNames } from "./numbered-names.ts";

/** What the recorder answers itself, in place of the plugin. */
export interface Outcome {
  readonly status: number;
  readonly body: string;
}

/** What was said between a daemon and one or more plugins, in order. */
export class Recording {
  #names = new NumberedNames();
  #entries: { question: string; answer: string }[] = [];

  /** Writes a question down; call the result with its answer. */
  ask(method: string, body: string): (outcome: Outcome) => void {
    const entry = { question: `${method} ${this.#names.ofJson(body)}`, answer: "" };
    this.#entries.push(entry);
    return ({ status, body: answer }) => (entry.answer = `  -> ${status} ${this.#names.ofJson(answer)}`);
  }

  /** What a daemon said, with the same numbers. */
  normalise(message: string): string {
    return this.#names.ofText(message);
  }

  /** Two lines a call: all since the last time. */
  take(): readonly string[] {
    const entries = this.#entries;
    this.#entries = [];
    return entries.flatMap(({ question, answer }) => [question, answer]);
  }

  /** Numbers begin again. */
  begin(): void {
    this.#names = new NumberedNames();
    this.#entries = [];
  }
}

export class PluginRecorder implements AsyncDisposable {
  readonly #server: Server;
  readonly #backend: string;
  readonly #recording: Recording;
  readonly #outcomes = new Map<string, Outcome>();

  private constructor(backend: string, recording: Recording) {
    this.#backend = backend;
    this.#recording = recording;
    this.#server = createServer((asked, answer) => void this.#pass(asked, answer));
  }

  /** Listens on `socketPath`, where daemons look, and passes on to the plugin's socket `backend`. */
  static async start(socketPath: string, backend: string, recording: Recording): Promise<PluginRecorder> {
    const recorder = new PluginRecorder(backend, recording);
    mkdirSync(dirname(socketPath), { recursive: true });
    rmSync(socketPath, { force: true });
    recorder.#server.listen(socketPath);
    await once(recorder.#server, "listening");
    return recorder;
  }

  /** Answers each call of `method` so, until `heal`. */
  fail(method: string, outcome: Outcome): void {
    this.#outcomes.set(method, outcome);
  }

  heal(): void {
    this.#outcomes.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #pass(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const method = (asked.url ?? "").slice(1);
    const body = await text(asked);
    const answered = this.#recording.ask(method, body);
    const outcome = this.#outcomes.get(method) ?? (await this.#ask(method, body));
    answered(outcome);
    const headers = { "Content-Type": "application/vnd.docker.plugins.v1.2+json", Connection: "close" };
    answer.writeHead(outcome.status, headers).end(outcome.body);
  }

  async #ask(method: string, body: string): Promise<Outcome> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    request({ socketPath: this.#backend, path: `/${method}`, method: "POST" }, resolve)
      .on("error", reject)
      .end(body);
    try {
      const response = await promise;
      return { status: response.statusCode ?? 0, body: await text(response) };
    } catch (error) {
      return { status: 502, body: JSON.stringify({ Err: String(error) }) };
    }
  }
}
