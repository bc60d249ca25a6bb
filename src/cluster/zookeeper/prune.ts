/**
 * Removes nodes that hold nothing and have nothing below them any more: what was made because a key needed it goes when the
 * last such key does. Somebody who needs one at the same moment makes it again.
 */
import { multi, readNodes } from "./nodes.ts";
import type { ZookeeperConnection } from "./zookeeper-connection.ts";
import { guardOf, parentOf } from "./zookeeper-transaction.ts";

/** Of each path and then of those above it, up to the root, which stays. */
export async function prune(connection: ZookeeperConnection, paths: ReadonlySet<string>, root: string): Promise<void> {
  for (const start of paths) {
    for (let path = start; path !== root; path = parentOf(path)) {
      const guard = guardOf(path, root);
      const nodes = await readNodes(connection, [path, guard]);
      const node = nodes.get(path);
      const guardNode = nodes.get(guard);
      if (node === undefined) continue;
      if (node.data !== null || node.stat.children > 0) break;
      // Removed and made anew in between, as a record, it would have the same version: the guard would not.
      const error = await multi(connection, [
        guardNode === undefined
          ? { op: "create", path: guard, data: null, ephemeral: false }
          : { op: "check", path: guard, version: guardNode.stat.version },
        { op: "delete", path, version: node.stat.version },
      ]);
      if (error !== undefined) break;
    }
  }
}
