/**
 * Consul's HTTP API (v1) as far as a store needs it: requests that end, over several servers. A request that surely reached
 * none goes to the next; one that may have is only repeated when that does no harm. Answers are foreign: they are bounded, and
 * nothing but text comes out of here.
 *
 * npm's `consul` does not fit: it cannot make a session that depends on nothing but its time to live, knows one server, and
 * keeps answers of any length.
 */
import * as http from "node:http";
import * as https from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import { messageOf } from "../../base/errors.ts";
import { afterPatience } from "../../base/patience.ts";
import { CALL_TIMEOUT_MS, READING_TIMEOUT_MS } from "../cluster-store.ts";
import { formatStoreHost, type StoreOptions } from "../store-address.ts";

/** The largest copy of a prefix that is taken. */
const MAX_ANSWER_BYTES = 128 * 1024 * 1024;
/** To one server. By default Consul hangs up on whoever has more than 200. */
const MAX_CONNECTIONS = 32;
/** An election takes Consul about a second; who asks meanwhile is told to ask again. */
const LEADERLESS_PAUSE_MS = 100;
/** None of these reached a server. */
const UNREACHED = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ENOTFOUND", "EAI_AGAIN", "EHOSTDOWN"]);

export interface ConsulRequest {
  readonly method: "GET" | "PUT";
  /** Below `/v1`, with its query. */
  readonly path: string;
  readonly body?: unknown;
  readonly timeoutMs: number;
  /** Carried out twice it does what it does once. */
  readonly repeatable: boolean;
  /** Much may come: its time counts from the last piece of it, up to `READING_TIMEOUT_MS`. */
  readonly isLong: boolean;
  /** It may be answered late. */
  readonly patient: boolean;
  readonly signal: AbortSignal;
}

export interface ConsulAnswer {
  readonly status: number;
  readonly text: string;
  /** `X-Consul-Index`: 0 when it is missing. */
  readonly index: number;
}

/** The server may have heard it, and gave no answer. */
class Unanswered extends Error {}

export class ConsulHttp implements Disposable {
  readonly #hosts: readonly string[];
  readonly #secure: boolean;
  readonly #agent: http.Agent;
  /** For questions that are held until there is something new: none keeps another from its turn. */
  readonly #patientAgent: http.Agent;
  /** Which host answered last. */
  #preferred = 0;

  constructor({ hosts, tls }: StoreOptions) {
    this.#hosts = hosts.map(formatStoreHost);
    this.#secure = tls !== undefined;
    const makeAgent = (options: http.AgentOptions): http.Agent =>
      tls === undefined ? new http.Agent(options) : new https.Agent({ ...options, ...tls });
    this.#agent = makeAgent({ keepAlive: true, maxFreeSockets: 4, maxSockets: MAX_CONNECTIONS });
    this.#patientAgent = makeAgent({ keepAlive: true, maxFreeSockets: 1 });
  }

  /** Throws Error with a reason, without saying of which store. */
  async request(request: ConsulRequest): Promise<ConsulAnswer> {
    const deadline = performance.now() + request.timeoutMs;
    for (;;) {
      const answer = await this.#anyHost(request, deadline);
      if (answer.status < 500) return answer;
      const text = answer.text.trim().slice(0, 200);
      const leaderless = answer.text.includes("No cluster leader");
      if (!leaderless || performance.now() + LEADERLESS_PAUSE_MS > deadline)
        throw new Error(text || `status ${answer.status}`);
      await pause(LEADERLESS_PAUSE_MS, undefined, { signal: request.signal });
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
    this.#patientAgent.destroy();
  }

  async #anyHost(request: ConsulRequest, deadline: number): Promise<ConsulAnswer> {
    const hosts = this.#hosts;
    const first = this.#preferred;
    const reasons: string[] = [];
    for (let tried = 0; tried < hosts.length; tried++) {
      const at = (first + tried) % hosts.length;
      const host = hosts[at] ?? "";
      // Each host left gets its share of the time, so that a silent one does not take it all.
      const timeoutMs = Math.max(1, (deadline - performance.now()) / (hosts.length - tried));
      try {
        const answer = await this.#ask(host, request, timeoutMs);
        this.#preferred = at;
        return answer;
      } catch (error) {
        request.signal.throwIfAborted();
        reasons.push(hosts.length > 1 ? `${host}: ${messageOf(error)}` : messageOf(error));
        if (error instanceof Unanswered && !request.repeatable) break;
      }
    }
    throw new Error(reasons.join("; "));
  }

  async #ask(
    host: string,
    { method, path, body, patient, isLong, signal }: ConsulRequest,
    timeoutMs: number,
  ): Promise<ConsulAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ConsulAnswer>();
    const url = new URL(`${this.#secure ? "https" : "http"}://${host}/v1${path}`);
    const sent = (this.#secure ? https : http).request(url, {
      method,
      agent: patient ? this.#patientAgent : this.#agent,
      signal,
    });
    const giveUp = (): void => void sent.destroy(new Unanswered("no answer in time"));
    let callOff = afterPatience(timeoutMs, giveUp);
    const callOffAll = isLong ? afterPatience(timeoutMs + READING_TIMEOUT_MS, giveUp) : (): void => undefined;
    const heard = (): void => {
      if (!isLong) return;
      callOff();
      callOff = afterPatience(CALL_TIMEOUT_MS, giveUp);
    };
    // Where nobody listens, Node drops the connection, and the request is never heard of again.
    sent.once("upgrade", (_response, socket) => {
      socket.destroy();
      reject(new Unanswered("an answer that is not Consul's: it changes the protocol"));
    });
    sent.on("error", (error) => reject(UNREACHED.has(codeOf(error)) ? error : new Unanswered(reasonOf(error))));
    sent.once("response", (response) => {
      readText(response, heard).then(
        (text) => resolve({ status: response.statusCode ?? 0, text, index: indexOf(response) }),
        (error: unknown) => reject(new Unanswered(reasonOf(error))),
      );
    });
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    try {
      return await promise;
    } finally {
      callOff();
      callOffAll();
    }
  }
}

async function readText(response: http.IncomingMessage, heard: () => void): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    heard();
    length += chunk.length;
    if (length > MAX_ANSWER_BYTES) throw new Error(`an answer longer than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  if (!response.complete) throw new Error("the answer broke off");
  return Buffer.concat(chunks).toString("utf8");
}

function indexOf(response: http.IncomingMessage): number {
  const index = Number(response.headers["x-consul-index"]);
  return Number.isSafeInteger(index) && index > 0 ? index : 0;
}

function codeOf(error: Error): string {
  // Names with several addresses give one error for all of them.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error && "code" in first ? String(first.code) : "";
}

function reasonOf(error: unknown): string {
  const text = messageOf(error);
  return text === "" && error instanceof Error ? codeOf(error) : text;
}
