/** Containers of the default bridge that do not reach each other. */
import type { Paragraph, Scenario } from "../scenario.ts";

const IPTABLES: readonly Paragraph[] = [
  {
    heading: "Containers do not reach each other",
    text: `The rule for packets from the bridge to itself drops instead of accepting. Such packets are switched, not routed, and
      meet iptables only because the engine sets \`net.bridge.bridge-nf-call-iptables=1\`.`,
    claims: ["filter FORWARD -i docker0 -o docker0 -j DROP"],
    replaces: ["filter FORWARD -i docker0 -o docker0 -j ACCEPT"],
  },
  {
    heading: "But everybody reaches what is published",
    text: `A container that asks for a port of the host may be led to a neighbour on the same bridge. That port was opened for
      everyone, so what came here by translation passes.`,
    claims: ["filter FORWARD -i docker0 -o docker0 -m conntrack --ctstate DNAT -j ACCEPT"],
  },
];

const NFTABLES: readonly Paragraph[] = [
  {
    heading: "Containers do not reach each other",
    text: `docker0 is among the closed networks instead of the open ones, so its packets go through closed-network: answers, links and
      what was asked for at an address of the host pass, all else is dropped and counted. Packets from a bridge to itself are switched,
      not routed, and meet these rules only because the engine sets \`net.bridge.bridge-nf-call-iptables=1\`.`,
    claims: ['causeway closed-networks "docker0" . "docker0"'],
    replaces: ['causeway open-networks "docker0" . "docker0"'],
  },
];

export const ICC_OFF: Scenario = {
  name: "icc-off",
  title: "Communication between containers off",
  about: `causewayd was started with \`--icc=false\`. A network has the same with
    \`-o com.docker.network.bridge.enable_icc=false\`.`,
  commands: [],
  undo: [],
  base: "new-daemon",
  paragraphs: { iptables: IPTABLES, nftables: NFTABLES },
};
