/** A world of a real server: each client reaches it through a cable of its own. */
import { silentLog } from "../../base/log.ts";
import { Cable } from "../../../test/support/cable.ts";
import { startStore, type StoreKind } from "../../../test/support/cluster-servers.ts";
import type { ClusterStore } from "../cluster-store.ts";
import type { StoreOptions } from "../store-address.ts";
import type { ClusterWorld } from "./world.fixture.ts";

export async function openServedWorld(
  kind: StoreKind,
  open: (options: StoreOptions) => ClusterStore,
): Promise<ClusterWorld> {
  const servers = await startStore(kind);
  const [address = ""] = servers.hosts;
  const cables: Cable[] = [];
  return {
    open: async () => {
      const cable = await Cable.to(address);
      cables.push(cable);
      const store = open({ hosts: [{ host: "127.0.0.1", port: cable.port }], prefix: "causeway/test", log: silentLog });
      return { store, cut: () => cable.pull(), heal: () => cable.plug() };
    },
    stop: async () => servers.stop(),
    start: async () => servers.start(),
    [Symbol.asyncDispose]: async () => {
      for (const cable of cables) await cable[Symbol.asyncDispose]();
      await servers[Symbol.asyncDispose]();
    },
  };
}
