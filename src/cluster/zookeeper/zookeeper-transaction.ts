/**
 * A transaction in ZooKeeper's operations (`multi`), from what was read a moment ago. Pure. It fails where anything that it
 * rests on has changed since, and is then planned anew.
 *
 * ZooKeeper can check that a node was not written since it was read, but not that it was not removed and made anew (its version
 * begins at 0 each time), nor that it is absent. So whoever makes a node writes a guard as well, one of a few nodes that hold
 * nothing, chosen by the node's parent; and whoever checks a key checks that its guard is as it was read.
 */
import { EngineError } from "../../base/errors.ts";
import type { ClusterCheck, ClusterPut, ClusterTransaction } from "../cluster-store.ts";
import type { ZookeeperOperation } from "./jute.ts";
import type { ZookeeperNode } from "./nodes.ts";

/** The more, the fewer transactions are planned anew because of others that are none of theirs. */
const GUARDS = 1024;
/** No key has such a part. */
const GUARD_FOLDER = "%guards";

export type ZookeeperNodes = ReadonlyMap<string, ZookeeperNode>;

/** Every node that a plan needs to know about. `root`: before every key, "" or an absolute path. */
export function pathsOf({ checks = [], puts = [], removes = [] }: ClusterTransaction, root: string): readonly string[] {
  const keys = [...checks.map(({ key }) => key), ...puts.map(({ key }) => key), ...removes];
  const paths = new Set<string>();
  for (const key of keys) {
    for (const path of [`${root}/${key}`, guardOf(`${root}/${key}`, root)]) {
      paths.add(path);
      for (const ancestor of ancestorsOf(path)) paths.add(ancestor);
    }
  }
  return [...paths];
}

/** The guard of a node's parent. */
export function guardOf(path: string, root: string): string {
  // FNV-1a, 32 bits.
  let hash = 0x811c_9dc5;
  for (const byte of Buffer.from(parentOf(path))) hash = Math.imul(hash ^ byte, 0x0100_0193);
  return `${root}/${GUARD_FOLDER}/${(hash >>> 0) % GUARDS}`;
}

/** "" for a node at the top. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

/** Undefined: a check does not hold. `sessionId`: of the puts that name a session, all the same. */
export function planTransaction(
  { checks = [], puts = [], removes = [] }: ClusterTransaction,
  { nodes, root, sessionId }: { readonly nodes: ZookeeperNodes; readonly root: string; readonly sessionId: bigint },
): readonly ZookeeperOperation[] | undefined {
  const plan = new Plan(nodes, root);
  if (!checks.every((check) => holds(check, nodes.get(`${root}/${check.key}`)))) return undefined;
  const written = new Set(puts.map(({ key }) => key));
  for (const { key } of checks) plan.check(`${root}/${key}`, written.has(key));
  // A node before those below it.
  for (const put of puts.toSorted((a, b) => (a.key < b.key ? -1 : 1))) plan.put(put, sessionId);
  for (const key of removes) plan.remove(`${root}/${key}`);
  return plan.finish();
}

function holds(check: ClusterCheck, node: ZookeeperNode | undefined): boolean {
  const present = node !== undefined && node.data !== null;
  if ("version" in check) return present && check.version === String(node.stat.mzxid);
  return (check.is === "present") === present;
}

class Plan {
  readonly #nodes: ZookeeperNodes;
  readonly #root: string;
  /** In this order: guards as they were read, then what is checked, then what is written, then the guards. */
  readonly #checked = new Map<string, ZookeeperOperation>();
  readonly #writes: ZookeeperOperation[] = [];
  readonly #made = new Set<string>();
  readonly #guardsRead = new Set<string>();
  readonly #guardsWritten = new Set<string>();

  constructor(nodes: ZookeeperNodes, root: string) {
    this.#nodes = nodes;
    this.#root = root;
  }

  /** A node that is absent and will be made needs no guard: making it fails when it is there. */
  check(path: string, written: boolean): void {
    const node = this.#nodes.get(path);
    if (node === undefined && written) return;
    this.#guardsRead.add(guardOf(path, this.#root));
    if (node !== undefined) this.#checked.set(path, { op: "check", path, version: node.stat.version });
  }

  put({ key, value, session }: ClusterPut, sessionId: bigint): void {
    const path = `${this.#root}/${key}`;
    const node = this.#nodes.get(path);
    const owner = session === undefined ? 0n : sessionId;
    if (node?.stat.ephemeralOwner === owner) {
      this.#writes.push({ op: "set", path, data: value, version: -1 });
      return;
    }
    if (node !== undefined) {
      if (node.stat.children > 0) throw keysBelow(key);
      this.#writes.push({ op: "delete", path, version: -1 });
    }
    this.#make(path, value, session !== undefined);
    this.#guardsWritten.add(guardOf(path, this.#root));
  }

  remove(path: string): void {
    const node = this.#nodes.get(path);
    if (node === undefined || node.data === null) return;
    const needed = node.stat.children > 0 || [...this.#made].some((made) => made.startsWith(`${path}/`));
    this.#writes.push(needed ? { op: "set", path, data: null, version: -1 } : { op: "delete", path, version: -1 });
  }

  finish(): readonly ZookeeperOperation[] {
    const before: ZookeeperOperation[] = [];
    const after: ZookeeperOperation[] = [];
    const writes = this.#writes.splice(0);
    for (const path of new Set([...this.#guardsRead, ...this.#guardsWritten])) {
      const guard = this.#nodes.get(path);
      if (guard === undefined) this.#make(path, null, false);
      else {
        if (this.#guardsRead.has(path)) before.push({ op: "check", path, version: guard.stat.version });
        if (this.#guardsWritten.has(path)) after.push({ op: "set", path, data: null, version: -1 });
      }
    }
    // Guards are made last: what is above them may be made by the writes.
    return [...before, ...this.#checked.values(), ...writes, ...this.#writes, ...after];
  }

  /** With the nodes above it that are missing. */
  #make(path: string, data: string | null, ephemeral: boolean): void {
    for (const ancestor of ancestorsOf(path)) {
      if (this.#nodes.has(ancestor) || this.#made.has(ancestor)) continue;
      this.#made.add(ancestor);
      this.#writes.push({ op: "create", path: ancestor, data: null, ephemeral: false });
    }
    this.#made.add(path);
    this.#writes.push({ op: "create", path, data, ephemeral });
  }
}

/** From the top down, without the node itself. */
function ancestorsOf(path: string): readonly string[] {
  const parts = path.split("/").slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join("/")}`);
}

export function keysBelow(key: string): EngineError {
  return new EngineError(
    "invalid-argument",
    `key ${key} of the cluster store has others below it, so no session can hold it`,
  );
}
