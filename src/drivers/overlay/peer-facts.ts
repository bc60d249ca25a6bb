/**
 * The way to one container on another host: for each of its addresses which station has it, and behind which host that
 * station is. Each is one entry that replaces what was there.
 */
import type { KernelFact } from "../../kernel/facts.ts";
import type { PeerIntent } from "../intent.ts";
import { placeOf, type OverlayConfig } from "./config.ts";

/**
 * Intents do not change; ten thousand peers are asked for again whenever one of them comes or goes, and a plan need not
 * compare a fact with itself.
 */
const known = new WeakMap<PeerIntent, { readonly config: OverlayConfig; readonly facts: readonly KernelFact[] }>();

export function peerFacts(config: OverlayConfig, peer: PeerIntent): readonly KernelFact[] {
  const remembered = known.get(peer);
  if (remembered?.config === config) return remembered.facts;
  const facts = entriesOf(config, peer);
  known.set(peer, { config, facts });
  return facts;
}

/** Nothing leads to a peer without a MAC, to addresses in none of the network's subnets, or to a host beyond our tunnels. */
function entriesOf(config: OverlayConfig, { mac, addresses, hostAddress }: PeerIntent): readonly KernelFact[] {
  if (mac === undefined || hostAddress.family !== config.advertise.family) return [];
  const { namespace } = config;
  const isRouted = config.segments.length > 1;
  const forwarded = new Set<string>();
  return addresses.flatMap(({ address }): KernelFact[] => {
    const segment = placeOf(config, address)?.segment;
    if (segment === undefined) return [];
    const { bridge, vxlan } = segment;
    const isNew = !forwarded.has(vxlan);
    forwarded.add(vxlan);
    return [
      { kind: "neighbour", namespace, link: vxlan, address, mac },
      // The gateway's own memory: nobody can tell it by announcements, which leave by the bridge that it is itself.
      ...(isRouted ? [{ kind: "neighbour", namespace, link: bridge, address, mac } as const] : []),
      ...(isNew ? [{ kind: "forwarding", namespace, link: vxlan, mac, destination: hostAddress } as const] : []),
    ];
  });
}
