/** A network without a way out. */
import type { Paragraph, Scenario } from "../scenario.ts";

const BRIDGE = "br-0123456789ab";

const IPTABLES: readonly Paragraph[] = [
  {
    heading: "Nothing enters or leaves",
    text: `What would come into the bridge from an address outside its subnet, and what would leave it for one, is dropped before
      anything else is asked, published ports included. Containers have no default route either, but that is theirs to change;
      these rules are not.`,
    claims: [
      `filter DOCKER-ISOLATION-STAGE-1 ! -s 172.18.0.0/16 -o ${BRIDGE} -j DROP`,
      `filter DOCKER-ISOLATION-STAGE-1 ! -d 172.18.0.0/16 -i ${BRIDGE} -j DROP`,
    ],
  },
  {
    heading: "What is not needed is not there",
    text: `No rule lets anything out, in, or under the host's address, so none of a usual bridge's rules exists but the one
      for containers among themselves.`,
    claims: [],
    replaces: [
      `filter FORWARD -o ${BRIDGE} *`,
      `filter FORWARD ! -i ${BRIDGE} -o ${BRIDGE} -j DROP`,
      `filter FORWARD -i ${BRIDGE} ! -o ${BRIDGE} -j ACCEPT`,
      `filter DOCKER-ISOLATION-STAGE-1 -i ${BRIDGE} *`,
      `filter DOCKER-ISOLATION-STAGE-2 -o ${BRIDGE} *`,
      "nat POSTROUTING -s 172.18.0.0/16 *",
      `nat POSTROUTING -s 127.0.0.0/8 -o ${BRIDGE} -j MASQUERADE`,
      `raw PREROUTING -d 127.0.0.0/8 -i ${BRIDGE} -j DROP`,
      `raw PREROUTING -d 172.18.0.2/32 ! -i ${BRIDGE} -j DROP`,
    ],
  },
];

const NFTABLES: readonly Paragraph[] = [
  {
    heading: "Nothing enters or leaves",
    text: `The bridge is in the set of internal networks, so what crosses its border is dropped before anything else is asked,
      published ports included. Containers have no default route either, but that is theirs to change; this is not.`,
    claims: [`causeway internal "${BRIDGE}"`],
  },
  {
    heading: "What is not needed is not there",
    text: `Nothing goes in or out or under the host's address, so the bridge is in no other set but that of networks whose containers
      talk to each other. A guard for the container's address would have nothing to do.`,
    claims: [],
    replaces: [
      `causeway bridges "${BRIDGE}"`,
      `causeway networks "${BRIDGE}" . "${BRIDGE}"`,
      `causeway inbound "${BRIDGE}" : drop`,
      "causeway masqueraded 172.18.0.0/16",
      "causeway guarded 172.18.0.2",
      `causeway guard-passes 172.18.0.2 . "${BRIDGE}"`,
    ],
  },
];

export const INTERNAL: Scenario = {
  name: "internal",
  title: "An internal network",
  about: `Containers that reach each other and nothing else.`,
  commands: ["network create --internal backend", "run -d --name c1 --net backend IMAGE sleep 1000"],
  undo: ["rm -f c1", "network rm backend"],
  base: "user-network",
  containers: ["c1"],
  paragraphs: { iptables: IPTABLES, nftables: NFTABLES },
};
