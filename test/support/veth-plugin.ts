/**
 * A network and IPAM plugin for tests: a bridge per network with the gateway's address, a veth pair per endpoint, made with `ip`.
 * It knows nothing of ours but the protocol, answers by script where a test wants trouble, and is found where dockerd looks.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { ScriptedPlugin, type Script } from "../../src/drivers/remote/testing/scripted-plugin.ts";

const FOUND_IN = "/run/docker/plugins";

interface Endpoint {
  readonly NetworkID: string;
  readonly EndpointID: string;
}

interface Network {
  readonly NetworkID: string;
  readonly IPv4Data: readonly { readonly Gateway: string }[];
}

interface AddressWish {
  readonly Address: string;
  readonly Options: Readonly<Record<string, string>> | null;
}

export interface VethPluginOptions {
  /** Whether Join names the gateway; without it the way out is docker_gwbridge's. */
  readonly givesGateway: boolean;
}

/** Listening; its socket's file goes with it. */
export async function startVethPlugin(name: string, options: VethPluginOptions): Promise<ScriptedPlugin> {
  const plugin = await ScriptedPlugin.start({ ...networkScripts(options), ...ipamScripts() }, name);
  mkdirSync(FOUND_IN, { recursive: true });
  const found = join(FOUND_IN, `${name}.sock`);
  rmSync(found, { force: true });
  symlinkSync(plugin.socket, found);
  return plugin;
}

function networkScripts({ givesGateway }: VethPluginOptions): Record<string, Script> {
  const gateways = new Map<string, string>();
  return {
    "NetworkDriver.CreateNetwork": ({ NetworkID, IPv4Data }: Network) => {
      const gateway = IPv4Data[0]?.Gateway ?? "";
      gateways.set(NetworkID, gateway);
      ip(`link add ${bridge(NetworkID)} type bridge`, `addr add ${gateway} dev ${bridge(NetworkID)}`);
      ip(`link set ${bridge(NetworkID)} up`);
      // Where br_netfilter is on, the daemon's FORWARD policy stops bridged packets too: a plugin has to see to its own.
      forward("-I", NetworkID);
      return {};
    },
    "NetworkDriver.DeleteNetwork": ({ NetworkID }: Network) => {
      forward("-D", NetworkID);
      ip(`link del ${bridge(NetworkID)}`);
      return {};
    },
    "NetworkDriver.Join": ({ NetworkID, EndpointID }: Endpoint) => {
      const [outer, inner] = ends(EndpointID);
      ip(`link add ${outer} type veth peer name ${inner}`, `link set ${outer} master ${bridge(NetworkID)} up`);
      const gateway = gateways.get(NetworkID)?.split("/")[0];
      return { InterfaceName: { SrcName: inner, DstPrefix: "eth" }, ...(givesGateway ? { Gateway: gateway } : {}) };
    },
    "NetworkDriver.DeleteEndpoint": ({ EndpointID }: Endpoint) => {
      // Not there when it never came to join.
      run("sh", "-c", `! ip link show ${ends(EndpointID)[0]} 2>/dev/null || ip link del ${ends(EndpointID)[0]}`);
      return {};
    },
  };
}

function ipamScripts(): Record<string, Script> {
  let next = 2;
  return {
    "IpamDriver.RequestPool": ({ Pool }: { Pool: string }) => ({ PoolID: "p", Pool: Pool || "10.50.0.0/24" }),
    "IpamDriver.RequestAddress": ({ Address, Options }: AddressWish) => {
      const isGateway = Options?.["RequestAddressType"] !== undefined;
      return { Address: `${Address || `10.50.0.${isGateway ? 1 : next++}`}/24` };
    },
  };
}

function bridge(networkId: string): string {
  return `pb${networkId.slice(0, 8)}`;
}

/** On the host, and to be moved into the container. */
function ends(endpointId: string): readonly [string, string] {
  return [`ph${endpointId.slice(0, 8)}`, `pc${endpointId.slice(0, 8)}`];
}

function forward(change: "-I" | "-D", networkId: string): void {
  run("iptables", "-w", change, "FORWARD", "-i", bridge(networkId), "-o", bridge(networkId), "-j", "ACCEPT");
}

function ip(...commands: readonly string[]): void {
  for (const command of commands) run("ip", ...command.split(" "));
}

function run(program: string, ...words: readonly string[]): void {
  execFileSync(program, words, { stdio: ["ignore", "ignore", "inherit"] });
}
