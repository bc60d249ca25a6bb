/**
 * ZooKeeper as a cluster store: keys are nodes below the prefix, transactions are `multi` operations on what was read a moment
 * before, sessions are connections with ephemeral nodes, and followers hear of changes by a watch on a whole tree, which
 * ZooKeeper has since 3.6.
 *
 * The client is ours. npm's `node-zookeeper-client` takes a check of version 0, which every new node has, for one of any
 * version; it has neither `sync` nor watches on trees nor TLS, does not notice a silent server, and a malformed answer ends
 * the process.
 */
import { setTimeout as pause } from "node:timers/promises";
import { EngineError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { ClusterRecord, ClusterSession, ClusterStore, ClusterTransaction, Follower } from "../cluster-store.ts";
import { FollowedCopy } from "../followed-copy.ts";
import type { StoreOptions } from "../store-address.ts";
import { validateKey, validateTransaction } from "../transaction-limits.ts";
import { ZERROR } from "./jute.ts";
import { multi, readNodes, readTree, recordOf } from "./nodes.ts";
import { prune } from "./prune.ts";
import { ZookeeperClient, type Connect } from "./zookeeper-client.ts";
import { ZookeeperError, type ZookeeperConnection } from "./zookeeper-connection.ts";
import { ZookeeperFollowing } from "./zookeeper-following.ts";
import { ZookeeperSession } from "./zookeeper-session.ts";
import { keysBelow, parentOf, pathsOf, planTransaction } from "./zookeeper-transaction.ts";

const LONGEST_REST_MS = 64;
/** What a plan rested on has changed since it was read. */
const OUTDATED: readonly number[] = [ZERROR.NO_NODE, ZERROR.BAD_VERSION, ZERROR.NODE_EXISTS, ZERROR.NOT_EMPTY];

/** Connects when it is first needed: ZooKeeper need not be there. */
export function openZookeeperStore(options: StoreOptions): ClusterStore {
  return new ZookeeperStore(options);
}

class ZookeeperStore implements ClusterStore {
  readonly address: string;
  readonly #client: ZookeeperClient;
  readonly #log: Log;
  readonly #sessions = new Set<ZookeeperSession>();
  readonly #followings = new Set<ZookeeperFollowing>();

  constructor(options: StoreOptions) {
    this.#client = new ZookeeperClient(options);
    this.#log = options.log;
    this.address = this.#client.address;
  }

  async get(key: string): Promise<ClusterRecord | undefined> {
    const { root } = this.#client;
    const path = `${root}/${validateKey(key)}`;
    const node = await this.#client.read(async (connection) => (await readNodes(connection, [path])).get(path));
    return node && recordOf(path, node, root);
  }

  async list(prefix: string): Promise<readonly ClusterRecord[]> {
    const { root } = this.#client;
    const path = `${root}/${validateKey(prefix)}`;
    return this.#client.read(async (connection, goOn) => readTree(connection, path, root, goOn));
  }

  async commit(transaction: ClusterTransaction): Promise<boolean> {
    validateTransaction(transaction);
    const session = sessionOf(transaction);
    const connect: Connect = session === undefined ? this.#client.connect : async (at) => session.connection(at);
    return this.#client.within(async (deadline) => {
      for (let attempt = 1; ; attempt++) {
        const outcome = await this.#try(transaction, await connect(deadline), session);
        if (outcome !== "outdated") return outcome === "committed";
        if (performance.now() >= deadline || this.#client.closing.aborted) throw new Error("no answer in time");
        // Those who are in each other's way draw apart.
        await pause(Math.random() * Math.min(LONGEST_REST_MS, 2 ** attempt));
      }
    });
  }

  async follow(prefix: string, follower: Follower): Promise<AsyncDisposable> {
    const path = `${this.#client.root}/${validateKey(prefix)}`;
    const copy = new FollowedCopy(follower, this.#log);
    const following: ZookeeperFollowing = new ZookeeperFollowing(this.#client, path, copy, () =>
      this.#followings.values().some((other) => other !== following && other.path === path),
    );
    this.#followings.add(following);
    const stop = async (): Promise<void> => {
      this.#followings.delete(following);
      await following[Symbol.asyncDispose]();
    };
    try {
      await following.start();
    } catch (error) {
      await stop();
      throw error;
    }
    return { [Symbol.asyncDispose]: stop };
  }

  async openSession(ttlMs: number): Promise<ClusterSession> {
    return this.#client.within(async (deadline) => {
      const within = { deadline, signal: this.#client.closing };
      const release = (ended: ZookeeperSession): unknown => this.#sessions.delete(ended);
      const session = await ZookeeperSession.open(ttlMs, this.#client.options, within, release);
      this.#sessions.add(session);
      return session;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#client.closing.aborted) return;
    await Promise.all([...this.#followings, ...this.#sessions].map(async (part) => part[Symbol.asyncDispose]()));
    this.#followings.clear();
    await this.#client[Symbol.asyncDispose]();
  }

  async #try(
    transaction: ClusterTransaction,
    connection: ZookeeperConnection,
    session: ZookeeperSession | undefined,
  ): Promise<"committed" | "refused" | "outdated"> {
    const { root } = this.#client;
    const nodes = await readNodes(connection, pathsOf(transaction, root));
    const operations = planTransaction(transaction, { nodes, root, sessionId: session?.zookeeperId ?? 0n });
    if (operations === undefined) return "refused";
    if (operations.length === 0) return "committed";
    const error = await multi(connection, operations);
    if (error === undefined) {
      this.#prune(connection, transaction.removes ?? []);
      return "committed";
    }
    if (OUTDATED.includes(error)) return "outdated";
    if (error === ZERROR.NO_CHILDREN_FOR_EPHEMERALS) {
      throw keysBelow(transaction.puts?.find((put) => put.session !== undefined)?.key ?? "");
    }
    throw new ZookeeperError(error);
  }

  /** What held only what was removed goes as well, soon after. */
  #prune(connection: ZookeeperConnection, removes: readonly string[]): void {
    const { root } = this.#client;
    const parents = new Set(removes.map((key) => parentOf(`${root}/${key}`)).filter((path) => path !== root));
    if (parents.size === 0) return;
    prune(connection, parents, root).catch((error: unknown) => {
      this.#log.debug({ error: String(error) }, "empty nodes of the cluster store were left");
    });
  }
}

/** Ephemeral nodes are those of the connection that makes them. */
function sessionOf({ puts = [] }: ClusterTransaction): ZookeeperSession | undefined {
  const session = puts.find((put) => put.session !== undefined)?.session;
  if (session === undefined || session instanceof ZookeeperSession) return session;
  throw new EngineError("invalid-argument", "the session belongs to another store");
}
