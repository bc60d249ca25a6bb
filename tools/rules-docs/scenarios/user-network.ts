/** A network that a user made, with a container on it. */
import type { Paragraph, Scenario } from "../scenario.ts";

const BRIDGE = "br-0123456789ab";

const IPTABLES: readonly Paragraph[] = [
  {
    heading: "What every bridge has",
    text: `The bridge \`${BRIDGE}\` gets the rules that docker0 has, for the reasons given [there](new-daemon.md): answers come in,
      from outside only what is published, outwards and among containers everything, under the host's address, never to the
      host's loopback. They go in above those of docker0, below the jumps to DOCKER-USER and to isolation, and above any rule of
      yours that stops all packets.`,
    claims: [
      `filter FORWARD -o ${BRIDGE} *`,
      `filter FORWARD ! -i ${BRIDGE} -o ${BRIDGE} -j DROP`,
      `filter FORWARD -i ${BRIDGE} *`,
      `nat POSTROUTING -s 172.18.0.0/16 *`,
      `nat POSTROUTING -s 127.0.0.0/8 -o ${BRIDGE} -j MASQUERADE`,
      `raw PREROUTING -d 127.0.0.0/8 -i ${BRIDGE} -j DROP`,
    ],
  },
  {
    heading: "Isolation from the other networks",
    text: `Each bridge has its own rules in either stage, so that their number grows with that of the networks, not with that of
      the pairs of networks.`,
    claims: [`filter DOCKER-ISOLATION-STAGE-1 -i ${BRIDGE} *`, `filter DOCKER-ISOLATION-STAGE-2 -o ${BRIDGE} *`],
  },
  {
    heading: "A container's address is not reached from outside",
    text: `Whoever is on the host's network can have a route to 172.18.0.2. In raw, before any translation, packets to that very
      address are dropped unless they come from the container's own bridge. Published ports are not touched: there the
      destination is still the host's.`,
    claims: [`raw PREROUTING -d 172.18.0.2/32 ! -i ${BRIDGE} -j DROP`],
  },
  {
    heading: "Names: port 53 leads to the resolver",
    text: `Inside the container, queries to 127.0.0.11 go to the two ports at which the engine's resolver listens in
      this namespace, and the answers come from port 53 again, as programs expect. A container on the default bridge has none of
      this: there are no names there.`,
    claims: [
      "container nat :DOCKER_*",
      "container nat OUTPUT *",
      "container nat POSTROUTING *",
      "container nat DOCKER_*",
    ],
  },
];

const NFTABLES: readonly Paragraph[] = [
  {
    heading: "The network is a handful of elements",
    text: `No rule is added. The bridge \`${BRIDGE}\` becomes an element of the sets that the rules of [a new daemon](new-daemon.md) ask:
      its containers may talk to each other, answers come in, all else from outside is dropped, and what comes from its subnet
      goes out under the host's address.`,
    claims: [
      `causeway bridges "${BRIDGE}"`,
      `causeway networks "${BRIDGE}" . "${BRIDGE}"`,
      `causeway open-networks "${BRIDGE}" . "${BRIDGE}"`,
      `causeway inbound "${BRIDGE}" : drop`,
      "causeway masqueraded 172.18.0.0/16",
    ],
  },
  {
    heading: "The container's address is guarded",
    text: `Nobody addresses it directly but who comes from its own bridge.`,
    claims: ["causeway guarded 172.18.0.2", `causeway guard-passes 172.18.0.2 . "${BRIDGE}"`],
  },
  {
    heading: "Names: port 53 leads to the resolver",
    text: `Inside the container, queries to 127.0.0.11 go to the two ports at which the engine's resolver listens in this namespace, and
      the answers come from port 53 again, as programs expect. A container on the default bridge has no such table: there are no names
      there.`,
    claims: ["container causeway-dns *"],
  },
];

export const USER_NETWORK: Scenario = {
  name: "user-network",
  title: "A network of the user's",
  about: `A network of its own, with the next free subnet, and one container on it, which has a resolver.`,
  commands: ["network create backend", "run -d --name c1 --net backend IMAGE sleep 1000"],
  undo: ["rm -f c1", "network rm backend"],
  base: "new-daemon",
  containers: ["c1"],
  paragraphs: { iptables: IPTABLES, nftables: NFTABLES },
};
