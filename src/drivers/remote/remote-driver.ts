/**
 * A network driver that is somebody else's program. What it makes it makes itself, by its procedures; these functions say what
 * the sandbox needs of what it answered (`EndpointIntent.plugged`): its interface, moved in and named, with the endpoint's
 * addresses, routes and gateways. They ask nobody, so that a restart brings up what is there while the program is away.
 */
import { EngineError } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { MARK, type KernelFact } from "../../kernel/facts.ts";
import {
  NO_PUBLISHING,
  NOTHING,
  type DesiredState,
  type Driver,
  type DriverCapabilities,
  type JoinInfo,
  type Place,
} from "../driver.ts";
import { endpointAddresses } from "../endpoint-addresses.ts";
import type { EndpointIntent, NetworkIntent } from "../intent.ts";
import type { DriverProcedures } from "../procedures.ts";
import { remoteProcedures, type CalledPlugin } from "./remote-procedures.ts";
import type { Plugin } from "./plugin.ts";
import { NETWORK_DRIVER, type Capabilities } from "./protocol/network-driver.ts";
import { NETWORK_DRIVER_INTERFACE } from "./protocol/protocol.ts";

export class RemoteDriver implements Driver {
  readonly name: string;
  readonly procedures: DriverProcedures;
  readonly #plugin: Plugin;
  #known: Promise<void> | undefined;
  #scope: "local" | "global" = "local";
  #checksGateways = false;
  #discoversHosts = false;

  /** `addressSpaceOf`: how the network's IPAM driver calls the space that its pools are from. */
  constructor(plugin: Plugin, addressSpaceOf: (network: NetworkIntent) => Promise<string>, log: Log) {
    this.name = plugin.name;
    this.#plugin = plugin;
    const call: CalledPlugin["call"] = async (method, request) => {
      await this.contact();
      return plugin.call(method, request);
    };
    const checksGateways = async (): Promise<boolean> => {
      await this.contact();
      return this.#checksGateways;
    };
    this.procedures = remoteProcedures({ name: plugin.name, call, checksGateways, log }, addressSpaceOf);
  }

  /** The scope is known once it was asked; a network's own is in its intent. */
  get capabilities(): DriverCapabilities {
    return { scope: this.#scope, addresses: true, singleton: false, hostNamespace: false };
  }

  /** Known once it was asked; until then it is told of none. */
  get discoversHosts(): boolean {
    return this.#discoversHosts;
  }

  /**
   * Asks the program what it is, once, before anything else. Throws what `Plugin` throws, and `internal` for capabilities that
   * are none.
   */
  contact(): Promise<void> {
    this.#known ??= this.#ask().catch((cause: unknown) => {
      this.#known = undefined;
      throw cause;
    });
    return this.#known;
  }

  async #ask(): Promise<void> {
    await this.#plugin.demand(NETWORK_DRIVER_INTERFACE);
    try {
      const capabilities = await this.#plugin.call(NETWORK_DRIVER.GetCapabilities, {});
      this.#scope = checkedScope(capabilities.Scope);
      this.#checksGateways = capabilities.GwAllocChecker === true;
      this.#discoversHosts = connectivityScope(capabilities) === "global";
    } catch (cause) {
      throw EngineError.wrap(cause, `could not resolve driver ${this.name} in registry`);
    }
  }

  validate(): void {
    // The plugin refuses what it does not like, when it is told to make the network.
  }

  networkState(): DesiredState {
    return NOTHING;
  }

  endpointState(_network: NetworkIntent, endpoint: EndpointIntent, place: Place): DesiredState {
    const from = endpoint.plugged?.sourceName;
    if (from === undefined || place.interfaceName === "") return NOTHING;
    const { namespace, interfaceName: link } = place;
    const moved: KernelFact = {
      kind: "link",
      namespace,
      name: link,
      device: { type: "moved", from, maker: `plugin ${this.name}` },
      ...(endpoint.mac === undefined ? {} : { mac: endpoint.mac }),
      up: true,
      alias: `${MARK}${endpoint.id}`,
    };
    return { facts: [moved, ...endpointAddresses(endpoint, place)], policies: [] };
  }

  /** Where the plugin gives no way out, Docker gives one, unless the plugin says not to. */
  joinInfo(network: NetworkIntent, { plugged }: EndpointIntent): JoinInfo {
    if (plugged === undefined) return { interfacePrefix: "", gateways: [], routes: [] };
    const leadsOut = plugged.gateways.length > 0 || plugged.routes.some(({ destination }) => destination.length === 0);
    return {
      interfacePrefix: plugged.sourceName === undefined ? "" : plugged.prefix,
      gateways: plugged.gateways,
      routes: plugged.routes,
      wantsGatewayNetwork: !plugged.disableGatewayService && !leadsOut && !network.internal,
    };
  }

  adoptedLink(): undefined {
    return undefined;
  }

  publishing(): typeof NO_PUBLISHING {
    return NO_PUBLISHING;
  }
}

function checkedScope(scope: string): "local" | "global" {
  if (scope === "local" || scope === "global") return scope;
  throw new EngineError("internal", `invalid capability: expecting 'local' or 'global', got ${scope.slice(0, 100)}`);
}

function connectivityScope({ Scope, ConnectivityScope = Scope }: Capabilities): "local" | "global" {
  return checkedScope(ConnectivityScope);
}
