/**
 * Following a prefix: one watch on its node and everything below it (ZooKeeper 3.6), set before everything is read. An event
 * names a node and not its data, so the nodes named are read, many at once; meanwhile more are named. With each new connection
 * it begins again.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { ClusterRecord } from "../cluster-store.ts";
import type { FollowedCopy } from "../followed-copy.ts";
import { drawPause, type RetryPauses } from "../retry-pause.ts";
import { reasonWithoutStore } from "../transaction-limits.ts";
import { encodeAddWatch, encodeRemoveWatches, OPCODE } from "./jute.ts";
import { readNodes, readTree, recordOf } from "./nodes.ts";
import type { ZookeeperClient } from "./zookeeper-client.ts";
import type { ZookeeperConnection } from "./zookeeper-connection.ts";

/** With each new connection everything is read. */
const RETRY: RetryPauses = { firstMs: 300, mostMs: 5_000 };

export class ZookeeperFollowing implements AsyncDisposable {
  readonly path: string;
  readonly #client: ZookeeperClient;
  readonly #copy: FollowedCopy;
  readonly #stop = new AbortController();
  readonly #unsubscribe: () => void;
  /** Whether another following needs the watch at our path. */
  readonly #shared: () => boolean;
  #named = new Set<string>();
  #wake: () => void = () => undefined;
  #connection: ZookeeperConnection | undefined;

  constructor(client: ZookeeperClient, path: string, copy: FollowedCopy, shared: () => boolean) {
    this.#client = client;
    this.path = path;
    this.#copy = copy;
    this.#shared = shared;
    this.#unsubscribe = client.subscribe((named) => {
      if (!named.startsWith(`${path}/`)) return;
      this.#named.add(named);
      this.#wake();
    });
  }

  /** Resolves once the first copy was told. */
  async start(): Promise<void> {
    await this.#begin();
    // It ends by being aborted.
    this.#follow().catch(() => undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#stop.signal.aborted) return;
    this.#copy.stop();
    this.#stop.abort();
    this.#unsubscribe();
    this.#wake();
    if (this.#connection?.alive !== true || this.#shared()) return;
    // Not waited for: events without a listener do no harm.
    this.#connection.request(OPCODE.REMOVE_WATCHES, encodeRemoveWatches(this.path)).catch(() => undefined);
  }

  async #begin(): Promise<void> {
    const { root } = this.#client;
    const { connection, records } = await this.#client.read(async (connection, goOn) => {
      this.#named = new Set();
      await connection.request(OPCODE.ADD_WATCH, encodeAddWatch(this.path));
      return { connection, records: await readTree(connection, this.path, root, goOn) };
    });
    this.#connection = connection;
    if (!this.#stop.signal.aborted) this.#copy.take(records);
  }

  async #follow(): Promise<never> {
    const { signal } = this.#stop;
    for (let failures = 0; ;) {
      try {
        if (this.#connection === undefined) await this.#begin();
        failures = 0;
        await this.#readWhatIsNamed();
        signal.throwIfAborted();
      } catch (error) {
        signal.throwIfAborted();
        this.#connection = undefined;
        this.#copy.lose(reasonWithoutStore(this.#client.address, error));
        await pause(drawPause(RETRY, failures++), undefined, { signal, ref: false });
      }
    }
  }

  /** Until the connection dies, which it throws. */
  async #readWhatIsNamed(): Promise<void> {
    const connection = this.#connection;
    if (connection === undefined) return;
    void connection.closed.then(() => this.#wake());
    while (!this.#stop.signal.aborted) {
      if (!connection.alive) throw new Error(await connection.closed);
      if (this.#named.size === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
      const paths = [...this.#named];
      this.#named.clear();
      if (paths.length === 0) continue;
      const nodes = await readNodes(connection, paths);
      const found = new Map<string, ClusterRecord | undefined>();
      for (const path of paths) {
        const node = nodes.get(path);
        found.set(path.slice(this.#client.root.length + 1), node && recordOf(path, node, this.#client.root));
      }
      this.#copy.update(found);
    }
  }
}
