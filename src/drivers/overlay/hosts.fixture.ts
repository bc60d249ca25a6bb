/**
 * Hosts of an overlay network for netns tests: each a namespace with one wire to a bridge that they share, with sandboxes as the
 * controller makes them, all carried out by one kernel thread. The test says who is where; the tables follow from that.
 */
import { spawnSync } from "node:child_process";
import type { KernelFact, NamespaceRef } from "../../kernel/facts.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { planChange } from "../../kernel/plan.ts";
import { sh } from "../../kernel/testing/netns.ts";
import { parseAddress } from "../../addr/ip-address.ts";
import { sandboxFacts } from "../../sandbox/stack.ts";
import type { Driver } from "../driver.ts";
import type { EndpointIntent, NetworkIntent, PeerIntent } from "../intent.ts";
import { peer } from "./intents.fixture.ts";
import { createOverlayDriver } from "./overlay-driver.ts";
import { peerAnnouncements } from "./peer-announcements.ts";

export const DIRECTORY = "/run/causeway-overlay";
const INTERFACE = "eth0";

export class OverlayHost {
  readonly address: string;
  /** The host's own namespace. */
  readonly namespace: NamespaceRef;
  readonly directory: string;
  readonly driver: Driver;
  readonly #kernel: Kernel;
  readonly #network: NetworkIntent;
  #facts: readonly KernelFact[] = [];
  #networkFacts: readonly KernelFact[] = [];

  /** The host must have been made: `makeHosts`. */
  constructor(kernel: Kernel, network: NetworkIntent, number: number) {
    this.#kernel = kernel;
    this.#network = network;
    this.address = hostAddress(number);
    this.namespace = `/run/netns/host${number}`;
    this.directory = `${DIRECTORY}/host${number}`;
    this.driver = createOverlayDriver({
      namespaceDirectory: this.directory,
      advertise: parseAddress(this.address),
      underlay: this.namespace,
    });
  }

  /** From what it carried last to these endpoints of its own and these of others; `silently`, without announcements. */
  async hold(
    local: readonly EndpointIntent[],
    peers: readonly PeerIntent[],
    { silently = false }: { readonly silently?: boolean } = {},
  ): Promise<void> {
    const { network, all } = this.#wanted(local, peers);
    await this.#kernel.apply(planChange(this.#facts, all));
    const said = silently ? undefined : peerAnnouncements(this.#networkFacts, network);
    if (said !== undefined) await this.#kernel.announce(said.namespace, said.announcements);
    this.#facts = all;
    this.#networkFacts = network;
  }

  /** What a change that failed does next: from what these would have been to what was there before. */
  async takeBack(local: readonly EndpointIntent[], peers: readonly PeerIntent[]): Promise<void> {
    await this.#kernel.applyAll(planChange(this.#wanted(local, peers).all, this.#facts));
  }

  #wanted(
    local: readonly EndpointIntent[],
    peers: readonly PeerIntent[],
  ): { readonly network: readonly KernelFact[]; readonly all: readonly KernelFact[] } {
    const network = this.driver.networkState(this.#network, { local, peers }).facts;
    return { network, all: [...network, ...local.flatMap((endpoint) => this.#sandbox(endpoint))] };
  }

  /** What shall hold here now. */
  get facts(): readonly KernelFact[] {
    return this.#facts;
  }

  sandboxPath(endpoint: EndpointIntent): NamespaceRef {
    return `${this.directory}/${endpoint.name}`;
  }

  pings(from: EndpointIntent, address: string, ...options: readonly string[]): boolean {
    const command = [`--net=${this.sandboxPath(from)}`, "ping", "-q", "-c1", "-W2", ...options, address];
    return spawnSync("nsenter", command, { timeout: 10_000 }).status === 0;
  }

  #sandbox(endpoint: EndpointIntent): readonly KernelFact[] {
    const namespace = this.sandboxPath(endpoint);
    const { gateways, routes } = this.driver.joinInfo(this.#network, endpoint);
    const { addresses, options, gatewayPriority } = endpoint;
    const joined = {
      networkName: this.#network.name,
      internal: this.#network.internal,
      interfaceName: INTERFACE,
      gateways,
      routes,
      addresses,
      options,
      gatewayPriority,
    };
    return [
      ...sandboxFacts({ namespace, endpoints: [joined], sysctls: {} }),
      ...this.driver.endpointState(this.#network, endpoint, { namespace, interfaceName: INTERFACE }).facts,
    ];
  }
}

export function hostAddress(number: number): string {
  return `192.0.2.${number}`;
}

/** As many namespaces with a wire each into one bridge. */
export function makeHosts(count: number): void {
  sh("ip link add underlay type bridge; ip link set underlay up");
  for (let number = 1; number <= count; number++) {
    sh(`ip netns add host${number}
      ip link add wire${number} type veth peer name wire netns host${number}
      ip link set wire${number} master underlay up
      ip -n host${number} addr add ${hostAddress(number)}/24 dev wire
      ip -n host${number} link set wire up; ip -n host${number} link set lo up`);
  }
}

export function removeHosts(count: number): void {
  for (let number = 1; number <= count; number++) sh(`ip link del wire${number}; ip netns del host${number}`);
  sh("ip link del underlay");
}

/** Each host with its own containers, and as peers everybody else's. */
export async function spread(placed: readonly (readonly [OverlayHost, readonly EndpointIntent[]])[]): Promise<void> {
  for (const [host, local] of placed) {
    const peers = placed
      .filter(([other]) => other !== host)
      .flatMap(([other, theirs]) => theirs.map((endpoint) => peer(endpoint, other.address)));
    await host.hold(local, peers);
  }
}
