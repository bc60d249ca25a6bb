/**
 * Keys as nodes, read and written over a connection: many requests at once, answered in order. A key's node holds its value;
 * nodes above it, made because it needs them, hold null, which is no value.
 */
import type { ClusterRecord } from "../cluster-store.ts";
import {
  decodeChildren,
  decodeData,
  decodeMulti,
  encodeMulti,
  encodePath,
  encodeRead,
  OPCODE,
  ZERROR,
  type ZookeeperOperation,
  type ZookeeperStat,
} from "./jute.ts";
import { ZookeeperError, type ZookeeperConnection } from "./zookeeper-connection.ts";

export interface ZookeeperNode {
  readonly data: string | null;
  readonly stat: ZookeeperStat;
}

/** Requests on their way at once: enough to keep the server busy, few enough for its queues. */
const WINDOW = 256;

/** Every read after it, on the connection, sees what any server had answered for before. */
export async function sync(connection: ZookeeperConnection, path: string): Promise<void> {
  await connection.request(OPCODE.SYNC, encodePath(path));
}

export async function readNode(connection: ZookeeperConnection, path: string): Promise<ZookeeperNode | undefined> {
  try {
    return decodeData(await connection.request(OPCODE.GET_DATA, encodeRead(path)));
  } catch (error) {
    if (error instanceof ZookeeperError && error.code === ZERROR.NO_NODE) return undefined;
    throw error;
  }
}

/** Of each path what there is, after a `sync`. */
export async function readNodes(
  connection: ZookeeperConnection,
  paths: readonly string[],
): Promise<ReadonlyMap<string, ZookeeperNode>> {
  const synced = sync(connection, "/");
  const [nodes] = await Promise.all([readAll(connection, paths), synced]);
  return nodes;
}

/** All records below a node, itself not, in order of key; `root` goes before every key. Calls `goOn` as it gets further. */
export async function readTree(
  connection: ZookeeperConnection,
  path: string,
  root: string,
  goOn: () => void,
): Promise<readonly ClusterRecord[]> {
  const records: ClusterRecord[] = [];
  let level = [...(await readNodes(connection, [path]))];
  while (level.length > 0) {
    const parents = level.filter(([, { stat }]) => stat.children > 0).map(([parent]) => parent);
    const children: string[] = [];
    await inWindows(parents, async (parent) => children.push(...(await readChildren(connection, parent))), goOn);
    level = [...(await readAll(connection, children, goOn))];
    for (const [child, node] of level) {
      const record = recordOf(child, node, root);
      if (record !== undefined) records.push(record);
    }
  }
  return records.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** All operations or none: the error's code; undefined when it was carried out. */
export async function multi(
  connection: ZookeeperConnection,
  operations: readonly ZookeeperOperation[],
): Promise<number | undefined> {
  try {
    return decodeMulti(await connection.request(OPCODE.MULTI, encodeMulti(operations)))?.error;
  } catch (error) {
    if (error instanceof ZookeeperError) return error.code;
    throw error;
  }
}

/** Undefined for a node that only holds others. */
export function recordOf(path: string, { data, stat }: ZookeeperNode, root: string): ClusterRecord | undefined {
  return data === null ? undefined : { key: path.slice(root.length + 1), value: data, version: String(stat.mzxid) };
}

async function readAll(
  connection: ZookeeperConnection,
  paths: readonly string[],
  goOn = (): void => undefined,
): Promise<ReadonlyMap<string, ZookeeperNode>> {
  const nodes = new Map<string, ZookeeperNode>();
  const read = async (path: string): Promise<void> => {
    const node = await readNode(connection, path);
    if (node !== undefined) nodes.set(path, node);
  };
  await inWindows(paths, read, goOn);
  return nodes;
}

async function readChildren(connection: ZookeeperConnection, path: string): Promise<readonly string[]> {
  try {
    const names = decodeChildren(await connection.request(OPCODE.GET_CHILDREN2, encodeRead(path)));
    return names.map((name) => `${path}/${name}`);
  } catch (error) {
    if (error instanceof ZookeeperError && error.code === ZERROR.NO_NODE) return [];
    throw error;
  }
}

async function inWindows(
  paths: readonly string[],
  read: (path: string) => Promise<unknown>,
  goOn: () => void,
): Promise<void> {
  for (let start = 0; start < paths.length; start += WINDOW) {
    await Promise.all(paths.slice(start, start + WINDOW).map(read));
    goOn();
  }
}
