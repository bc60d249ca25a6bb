/**
 * A daemon for tests of the command line: answers from a table and records what it was asked, on a socket of its own. Strict:
 * what the table does not have is a 404 whose message says so.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { text as readText } from "node:stream/consumers";
import type { Json } from "../store/store.ts";

export interface FakeAnswer {
  /** 200 by default. */
  readonly status?: number;
  readonly json?: Json;
  /** Bytes to answer with instead. */
  readonly bytes?: Uint8Array | string;
  readonly contentType?: string;
  /** Upgrades the connection and hands it over. */
  readonly hijack?: (socket: Duplex) => void;
}

export interface RecordedCall {
  /** `POST /networks/create`, without the API version. */
  readonly call: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: Json;
}

export class FakeDaemon implements AsyncDisposable {
  readonly calls: RecordedCall[] = [];
  readonly #directory = mkdtempSync(join(tmpdir(), "causeway-cli-"));
  readonly #server: Server;
  readonly #answers: ReadonlyMap<string, FakeAnswer>;
  /** Upgraded connections, of which the server knows nothing any more. */
  readonly #hijacked = new Set<Duplex>();

  constructor(answers: Readonly<Record<string, FakeAnswer>>) {
    this.#answers = new Map(Object.entries(answers));
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** Keys are calls as recorded: `GET /networks`. */
  static async start(answers: Readonly<Record<string, FakeAnswer>>): Promise<FakeDaemon> {
    const fake = new FakeDaemon(answers);
    const { promise, resolve } = Promise.withResolvers<void>();
    fake.#server.listen(join(fake.#directory, "docker.sock"), resolve);
    await promise;
    return fake;
  }

  get host(): string {
    return `unix://${join(this.#directory, "docker.sock")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    for (const socket of this.#hijacked) socket.destroy();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    await promise;
    rmSync(this.#directory, { recursive: true });
  }

  #answer(call: string): FakeAnswer {
    if (call.endsWith("/_ping")) return { bytes: "OK" };
    return this.#answers.get(call) ?? { status: 404, json: { message: `the fake has no answer to ${call}` } };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = this.#note(request, await readText(request));
    const { status = 200, json, bytes, contentType } = this.#answer(call);
    response.writeHead(status, { "Content-Type": contentType ?? "application/json", "Api-Version": "1.50" });
    response.end(bytes ?? (json === undefined ? "" : `${JSON.stringify(json)}\n`));
  }

  #note(request: IncomingMessage, body: string): string {
    const url = new URL(request.url ?? "/", "http://fake");
    const call = `${request.method} ${url.pathname.replace(/^\/v\d+\.\d+/, "")}`;
    const json: Json = body.startsWith("{") ? JSON.parse(body) : body;
    this.calls.push({ call, query: Object.fromEntries(url.searchParams), body: json });
    return call;
  }

  /** The body of an upgrade is short: it comes with the head, or in the next packet. */
  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.#hijacked.add(socket);
    socket.once("close", () => this.#hijacked.delete(socket));
    const length = Number(request.headers["content-length"] ?? 0);
    let body = head.toString();
    const ready = (): void => {
      const call = this.#note(request, body);
      const { hijack, contentType = "application/vnd.docker.raw-stream" } = this.#answer(call);
      socket.write(
        `HTTP/1.1 101 UPGRADED\r\nContent-Type: ${contentType}\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n`,
      );
      hijack?.(socket);
    };
    const read = (chunk: Buffer): void => {
      body += chunk.toString();
      if (body.length < length) return;
      socket.off("data", read);
      ready();
    };
    socket.on("error", () => undefined);
    if (body.length >= length) ready();
    else socket.on("data", read);
  }
}
