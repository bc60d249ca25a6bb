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

export const ICC_OFF: Scenario = {
  name: "icc-off",
  title: "Communication between containers off",
  about: `causewayd was started with \`--icc=false\`. A network has the same with
    \`-o com.docker.network.bridge.enable_icc=false\`.`,
  commands: [],
  undo: [],
  base: "new-daemon",
  paragraphs: { iptables: IPTABLES, nftables: [] },
};
