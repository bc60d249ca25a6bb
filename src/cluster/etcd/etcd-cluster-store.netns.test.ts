/** The store over a real etcd keeps the contract. */
import { EtcdServers } from "../../../test/support/etcd-servers.ts";
import { TcpLink } from "../../../test/support/tcp-link.ts";
import { silentLog } from "../../base/log.ts";
import { clusterStoreContract } from "../cluster-store.contract.ts";
import { openEtcdStore } from "./etcd-cluster-store.ts";

clusterStoreContract(
  "etcd",
  async () => {
    const servers = await EtcdServers.start(1);
    const links = new AsyncDisposableStack();
    return {
      open: async () => {
        const link = links.use(await TcpLink.open(servers.members[0]?.clientPort ?? 0));
        const hosts = [{ host: "127.0.0.1", port: link.port }] as const;
        const store = openEtcdStore({ hosts, prefix: "some/prefix", log: silentLog });
        return { store, cut: () => link.cut(), heal: () => link.heal() };
      },
      stop: async () => servers.killAll(),
      start: async () => servers.startAll(),
      [Symbol.asyncDispose]: async () => {
        await links.disposeAsync();
        await servers[Symbol.asyncDispose]();
      },
    };
  },
  // etcd's shortest lease is 2 s; a new leader gives every lease its time anew.
  { ttlMs: 2_000, expiryMs: 15_000, noticeMs: 20_000 },
);
