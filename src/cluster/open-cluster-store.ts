/** Opens the cluster store that an address names. */
import { readFile } from "node:fs/promises";
import { EngineError, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { ClusterStore } from "./cluster-store.ts";
import { openConsulStore } from "./consul/consul-store.ts";
import { openEtcdStore } from "./etcd/etcd-cluster-store.ts";
import { parseClusterStoreUrl, type StoreOptions, type StoreProvider, type StoreTls } from "./store-address.ts";
import { openZookeeperStore } from "./zookeeper/zookeeper-store.ts";

/** Paths of PEM files: `kv.cacertfile`, `kv.certfile`, `kv.keyfile`. */
export interface StoreTlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const OPENERS: Readonly<Record<StoreProvider, (options: StoreOptions) => ClusterStore>> = {
  etcd: openEtcdStore,
  consul: openConsulStore,
  zk: openZookeeperStore,
};

/**
 * Opens at once, whether or not the store answers. Throws `invalid-argument` for an address or a TLS file that cannot be
 * read.
 */
export async function openClusterStore(
  url: string,
  options: { readonly tls?: StoreTlsFiles; readonly log: Log },
): Promise<ClusterStore> {
  const { provider, hosts, prefix } = parseClusterStoreUrl(url);
  const tls = options.tls && { tls: await readTls(options.tls) };
  return OPENERS[provider]({ hosts, prefix, log: options.log, ...tls });
}

async function readTls(files: StoreTlsFiles): Promise<StoreTls> {
  const [ca, cert, key] = await Promise.all([
    read("kv.cacertfile", files.ca),
    read("kv.certfile", files.cert),
    read("kv.keyfile", files.key),
  ]);
  return { ca, cert, key };
}

async function read(option: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new EngineError("invalid-argument", `cluster store option ${option}: ${messageOf(cause)}`, { cause });
  }
}
