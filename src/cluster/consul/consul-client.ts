/** Requests to one Consul as the store, its sessions and its followings make them: each ends, and with the words of a cluster store. */
import { EngineError, messageOf } from "../../base/errors.ts";
import { CALL_TIMEOUT_MS, type ClusterRecord } from "../cluster-store.ts";
import { formatStoreAddress, type StoreOptions } from "../store-address.ts";
import { storeUnavailable } from "../transaction-limits.ts";
import { parseRecords } from "./consul-answer.ts";
import { ConsulHttp, type ConsulAnswer } from "./consul-http.ts";

/** How long Consul holds a question for what is new. */
const WAIT_S = 60;
/** Consul adds up to a sixteenth of the wait. */
const WAIT_TIMEOUT_MS = WAIT_S * 1000 * (1 + 1 / 16) + CALL_TIMEOUT_MS;

export interface ConsulCall {
  readonly method: "GET" | "PUT";
  readonly path: string;
  readonly body?: unknown;
  readonly timeoutMs?: number;
  /** True unless said otherwise. */
  readonly repeatable?: boolean;
  /** Much may come: its time counts from the last piece of it. False unless said otherwise. */
  readonly isLong?: boolean;
  readonly signal?: AbortSignal;
}

/** Everything below a prefix, and at which index of Consul's it was. */
export interface ConsulListing {
  readonly records: readonly ClusterRecord[];
  readonly index: number;
}

export class ConsulClient implements Disposable {
  readonly address: string;
  /** Before every key: "" or the store's prefix with its slash. */
  readonly root: string;
  readonly #http: ConsulHttp;
  readonly #closing = new AbortController();

  constructor(options: StoreOptions) {
    this.address = formatStoreAddress({ ...options, provider: "consul" });
    this.root = options.prefix === "" ? "" : `${options.prefix}/`;
    this.#http = new ConsulHttp(options);
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** Throws `unavailable`. */
  async call(call: ConsulCall): Promise<ConsulAnswer> {
    if (this.closed) throw this.unavailable("the client is closed");
    const { timeoutMs = CALL_TIMEOUT_MS, repeatable = true, isLong = false, signal } = call;
    const closing = this.#closing.signal;
    try {
      return await this.#http.request({
        ...call,
        timeoutMs,
        repeatable,
        isLong,
        patient: timeoutMs > CALL_TIMEOUT_MS,
        signal: signal === undefined ? closing : AbortSignal.any([closing, signal]),
      });
    } catch (error) {
      throw this.unavailable(closing.aborted ? "the client is closed" : error);
    }
  }

  /** A record of the store, or everything below a prefix of it. */
  async get(key: string): Promise<ClusterRecord | undefined> {
    const answer = await this.call({ method: "GET", path: `/kv/${this.root}${key}?consistent` });
    return this.understand(() => recordsOf(answer, this.root).find((record) => record.key === key));
  }

  /** Given an index, it waits until there is another, about a minute at most. */
  async list(prefix: string, since?: { readonly index: number; readonly signal: AbortSignal }): Promise<ConsulListing> {
    const waiting = since === undefined ? "" : `&index=${since.index}&wait=${WAIT_S}s`;
    const answer = await this.call({
      method: "GET",
      path: `/kv/${this.root}${prefix}/?recurse&consistent${waiting}`,
      isLong: true,
      ...(since && { timeoutMs: WAIT_TIMEOUT_MS, signal: since.signal }),
    });
    return this.understand(() => {
      const below = `${this.root}${prefix}/`;
      const records = recordsOf(answer, this.root).filter(({ key }) => `${this.root}${key}`.startsWith(below));
      return { records: records.toSorted((a, b) => (a.key < b.key ? -1 : 1)), index: answer.index };
    });
  }

  /** Runs what reads an answer; what it throws is why the store is as good as away. */
  understand<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw this.unavailable(error);
    }
  }

  unavailable(why: unknown): EngineError {
    return why instanceof EngineError
      ? why
      : storeUnavailable(this.address, typeof why === "string" ? why : messageOf(why));
  }

  /** Ends all calls. */
  [Symbol.dispose](): void {
    this.#closing.abort();
    this.#http[Symbol.dispose]();
  }
}

function recordsOf(answer: ConsulAnswer, root: string): readonly ClusterRecord[] {
  if (answer.status === 404 && answer.text === "") return [];
  if (answer.status !== 200) throw new Error(refusal(answer));
  const records = parseRecords(answer.text, root);
  if (records.length === 0) throw new Error("an answer that is not Consul's: a list of no keys");
  return records;
}

/** Of an answer that is neither what was asked for nor a server's failure. */
export function refusal({ status, text }: ConsulAnswer): string {
  return `Consul answered ${status} ${text.trim().slice(0, 200)}`.trim();
}
