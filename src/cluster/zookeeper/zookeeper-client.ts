/** Calls to ZooKeeper as the store and its followings make them: each ends, and with the words of a cluster store. */
import { setTimeout as pause } from "node:timers/promises";
import { EngineError, messageOf } from "../../base/errors.ts";
import { afterPatience } from "../../base/patience.ts";
import { CALL_TIMEOUT_MS, READING_TIMEOUT_MS } from "../cluster-store.ts";
import { formatStoreAddress, type StoreOptions } from "../store-address.ts";
import { storeUnavailable } from "../transaction-limits.ts";
import { ZERROR } from "./jute.ts";
import { ZookeeperError, type ZookeeperConnection } from "./zookeeper-connection.ts";
import { ZookeeperLink } from "./zookeeper-link.ts";

/** After a connection died. */
const RETRY_MS = 50;

/** Gives a connection before the deadline, in `performance.now()`. */
export type Connect = (deadline: number) => Promise<ZookeeperConnection>;

export class ZookeeperClient implements AsyncDisposable {
  readonly address: string;
  /** Before every key: "" or an absolute path. */
  readonly root: string;
  readonly options: StoreOptions;
  readonly #link: ZookeeperLink;
  readonly #listeners = new Set<(path: string) => void>();

  constructor(options: StoreOptions) {
    this.options = options;
    this.address = formatStoreAddress({ ...options, provider: "zk" });
    this.root = options.prefix === "" ? "" : `/${options.prefix}`;
    this.#link = new ZookeeperLink(options, (path) => {
      for (const listener of this.#listeners) listener(path);
    });
  }

  /** Aborted once the client is closed. */
  get closing(): AbortSignal {
    return this.#link.closing;
  }

  /** The connection that all but sessions share. */
  readonly connect: Connect = async (deadline) => this.#link.connection(deadline);

  /** Events of watches on that connection, until unsubscribed. */
  subscribe(listener: (path: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Reads: they do no harm when done twice, so a connection that dies meanwhile is replaced. What takes many requests says when it
   * is further (`goOn`), and has the time of a call from there. Throws `unavailable`.
   */
  async read<T>(body: (connection: ZookeeperConnection, goOn: () => void) => Promise<T>): Promise<T> {
    return this.within(async (deadline, goOn) => {
      for (;;) {
        const connection = await this.connect(deadline);
        try {
          return await body(connection, goOn);
        } catch (error) {
          if (connection.alive || performance.now() + RETRY_MS >= deadline || this.closing.aborted) throw error;
          await pause(RETRY_MS);
        }
      }
    });
  }

  /** Runs a call that has to end by the deadline that it is given. A silent connection is let go by its pings. */
  async within<T>(body: (deadline: number, goOn: () => void) => Promise<T>): Promise<T> {
    if (this.closing.aborted) throw this.unavailable("the client is closed");
    const { promise: late, reject } = Promise.withResolvers<never>();
    const giveUp = (): void => reject(new Error("no answer in time"));
    let callOff = afterPatience(CALL_TIMEOUT_MS, giveUp);
    const endAt = performance.now() + READING_TIMEOUT_MS;
    const goOn = (): void => {
      if (performance.now() > endAt) return giveUp();
      callOff();
      callOff = afterPatience(CALL_TIMEOUT_MS, giveUp);
    };
    const close = (): void => reject(new Error("the client is closed"));
    this.closing.addEventListener("abort", close, { once: true });
    try {
      return await Promise.race([body(performance.now() + CALL_TIMEOUT_MS, goOn), late]);
    } catch (error) {
      throw this.closing.aborted ? this.unavailable("the client is closed") : this.unavailable(error);
    } finally {
      callOff();
      this.closing.removeEventListener("abort", close);
    }
  }

  unavailable(why: unknown): EngineError {
    if (why instanceof EngineError) return why;
    if (why instanceof ZookeeperError && why.code === ZERROR.UNIMPLEMENTED) {
      return storeUnavailable(this.address, "this server is too old: ZooKeeper 3.6 or newer is needed");
    }
    return storeUnavailable(this.address, typeof why === "string" ? why : messageOf(why));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]();
  }
}
