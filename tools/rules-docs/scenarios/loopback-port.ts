/** A port of the host's loopback that leads to a container. */
import type { Paragraph, Scenario } from "../scenario.ts";

const IPTABLES: readonly Paragraph[] = [
  {
    heading: "Only what is for 127.0.0.1",
    text: `The translation names the address. Containers of the port's network cannot address the host's loopback, so
      there is no second rule for them.`,
    claims: [
      "nat DOCKER -d 127.0.0.1/32 ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80",
    ],
    replaces: [
      "nat DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT *",
      "nat DOCKER -i docker0 -p tcp -m tcp --dport 8080 -j DNAT *",
    ],
  },
  {
    heading: "Only from the host",
    text: `A host on the same cable can send packets for 127.0.0.1 to this one, and where a link routes loopback addresses they
      would be translated and let in. They are dropped before that, whatever link they come by.`,
    claims: ["raw PREROUTING -d 127.0.0.1/32 ! -i lo -p tcp -m tcp --dport 8080 -j DROP"],
  },
];

const NFTABLES: readonly Paragraph[] = [
  {
    heading: "Only what is for 127.0.0.1",
    text: `The element is in the map that is asked by address as well. Packets for 127.0.0.1 that come from any link but lo are
      dropped for every network by the [guard](new-daemon.md), so the port is reached from the host alone.`,
    claims: ["causeway ports-at 127.0.0.1 . tcp . 8080 : 172.17.0.2 . 80"],
    replaces: ["causeway ports tcp . 8080 : 172.17.0.2 . 80"],
  },
];

export const LOOPBACK_PORT: Scenario = {
  name: "loopback-port",
  title: "A port on the host's loopback",
  about: `A port that only the host's own programs reach.`,
  commands: ["run -d --name web -p 127.0.0.1:8080:80 IMAGE sleep 1000"],
  undo: ["rm -f web"],
  base: "published-port",
  paragraphs: { iptables: IPTABLES, nftables: NFTABLES },
};
