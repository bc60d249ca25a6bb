/** The API over a {@link FakeEngine} for tests: by injected requests, or on a unix socket in a directory of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { silentLog } from "../../base/log.ts";
import type { ApiSettings } from "../api-context.ts";
import { createApiServer, type ApiServer } from "../server.ts";
import { FakeEngine } from "./fake-engine.ts";

type Method = "GET" | "HEAD" | "POST" | "PUT" | "DELETE";

export interface Answer {
  readonly status: number;
  /** The parsed JSON, or the text where it is none. */
  readonly body: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
}

export class TestServer implements AsyncDisposable {
  readonly engine: FakeEngine;
  readonly api: ApiServer;
  readonly #directory: string;
  /** Added to the environment of programs that are run against it. */
  clientEnv: Readonly<Record<string, string>> = {};

  private constructor(engine: FakeEngine, api: ApiServer, directory: string) {
    this.engine = engine;
    this.api = api;
    this.#directory = directory;
  }

  /** With an image `busybox` whose command is `sh`. */
  static async start(settings: Partial<ApiSettings> = {}): Promise<TestServer> {
    const engine = new FakeEngine();
    const config = { command: ["sh"] };
    await engine.images.import(Readable.from([Buffer.from("root")]), {
      reference: "busybox:latest",
      config,
      comment: "",
    });
    const directory = await mkdtemp(join(tmpdir(), "causeway-api-"));
    const api = await createApiServer({ engine, log: silentLog, settings: { serverVersion: "0.1.0", ...settings } });
    await api.listen({ path: join(directory, "docker.sock") });
    return new TestServer(engine, api, directory);
  }

  get socketPath(): string {
    return join(this.#directory, "docker.sock");
  }

  get dockerHost(): string {
    return `unix://${this.socketPath}`;
  }

  async request(method: Method, url: string, body?: object | string): Promise<Answer> {
    const payload = typeof body === "string" ? body : body === undefined ? undefined : JSON.stringify(body);
    const answer = await this.api.inject({
      method,
      url,
      ...(payload === undefined ? {} : { payload, headers: { "content-type": "application/json" } }),
    });
    return { status: answer.statusCode, body: parsed(answer.body), headers: answer.headers };
  }

  /** The id in the answer of a create request. */
  async created(url: string, body: object): Promise<string> {
    const { status, body: answer } = await this.request("POST", url, body);
    if (status !== 201 || typeof answer !== "object" || answer === null || !("Id" in answer)) {
      throw new Error(`${url}: ${status} ${JSON.stringify(answer)}`);
    }
    return String(answer.Id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.api.close();
    await this.engine[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
