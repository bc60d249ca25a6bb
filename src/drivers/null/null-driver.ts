/**
 * The null driver: its one network, `none`, connects nothing. A sandbox on it has a namespace of its own with lo alone.
 */
import { NO_PUBLISHING, NOTHING, type Driver } from "../driver.ts";
import { checkOnlyInstance } from "../singleton.ts";

export function createNullDriver(): Driver {
  return {
    name: "null",
    capabilities: { scope: "local", addresses: false, singleton: true, hostNamespace: false },
    validate: checkOnlyInstance,
    networkState: () => NOTHING,
    endpointState: () => NOTHING,
    joinInfo: () => ({ interfacePrefix: "", gateways: [], routes: [] }),
    adoptedLink: () => undefined,
    publishing: () => NO_PUBLISHING,
  };
}
