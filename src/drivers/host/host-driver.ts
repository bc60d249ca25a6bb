/**
 * The host driver: its one network is the namespace that the daemon runs in. Nothing is made, nothing is filtered; containers
 * on it see the host's own interfaces.
 */
import { NO_PUBLISHING, NOTHING, type Driver } from "../driver.ts";
import { checkOnlyInstance } from "../singleton.ts";

export function createHostDriver(): Driver {
  return {
    name: "host",
    capabilities: { scope: "local", addresses: false, singleton: true, hostNamespace: true },
    validate: checkOnlyInstance,
    networkState: () => NOTHING,
    endpointState: () => NOTHING,
    joinInfo: () => ({ interfacePrefix: "", gateways: [], routes: [] }),
    adoptedLink: () => undefined,
    publishing: () => NO_PUBLISHING,
  };
}
