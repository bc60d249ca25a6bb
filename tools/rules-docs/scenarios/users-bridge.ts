/** The default network on a bridge that the user made. */
import type { Paragraph, Scenario } from "../scenario.ts";

const IPTABLES: readonly Paragraph[] = [
  {
    heading: "The same rules for another bridge",
    text: `Whose bridge it is makes no difference to packets: br0 gets what docker0 would have ([reasons](new-daemon.md)).`,
    claims: [
      "filter FORWARD -o br0 *",
      "filter FORWARD ! -i br0 -o br0 -j DROP",
      "filter FORWARD -i br0 *",
      "filter DOCKER-ISOLATION-STAGE-1 -i br0 *",
      "filter DOCKER-ISOLATION-STAGE-2 -o br0 *",
      "nat POSTROUTING -s 18.18.0.0/16 *",
      "nat POSTROUTING -s 127.0.0.0/8 -o br0 -j MASQUERADE",
      "raw PREROUTING -d 127.0.0.0/8 -i br0 -j DROP",
    ],
  },
  {
    heading: "There is no docker0",
    text: `The network called bridge is on br0, and no rule speaks of docker0.`,
    claims: [],
    replaces: ["* -i docker0*", "* -o docker0*", "nat POSTROUTING -s 172.17.0.0/16 *"],
  },
];

const NFTABLES: readonly Paragraph[] = [
  {
    heading: "The same elements with another name",
    text: `Whose bridge it is makes no difference to packets: br0 is in the sets in which docker0 would be ([reasons](new-daemon.md)).`,
    claims: [
      'causeway bridges "br0"',
      'causeway * "br0" . "br0"',
      'causeway inbound "br0" : drop',
      "causeway masqueraded 18.18.0.0/16",
    ],
  },
  {
    heading: "There is no docker0",
    text: `The network called bridge is on br0, and no set has docker0.`,
    claims: [],
    replaces: ['causeway * "docker0"*', "causeway masqueraded 172.17.0.0/16"],
  },
];

export const USERS_BRIDGE: Scenario = {
  name: "users-bridge",
  title: "A bridge of the user's own",
  about: `The user made br0 with the address 18.18.0.1/16 and started causewayd with \`--bridge br0\`. The bridge and its
    address stay the user's: they are used as they are, and never removed.`,
  commands: [],
  undo: [],
  base: "new-daemon",
  paragraphs: { iptables: IPTABLES, nftables: NFTABLES },
};
