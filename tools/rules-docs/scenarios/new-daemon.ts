/** A daemon that has just started on a host without containers. */
import type { Paragraph, Scenario } from "../scenario.ts";

const IPTABLES: readonly Paragraph[] = [
  {
    heading: "What nobody accepts is dropped",
    text: `Packets leave a bridge only on a host that forwards them. This one did not, so the daemon switched forwarding on
      (\`net.ipv4.ip_forward=1\`), and a host that became a router only because of us must not route anything else: the policy
      of FORWARD is DROP. On a host that forwarded before, and with \`--ip-forward-no-drop\`, the policy stays as it was. IPv6
      is switched on with the first network that needs it.`,
    claims: ["filter :FORWARD DROP"],
  },
  {
    heading: "The user's rules come first",
    text: `DOCKER-USER is made once and then belongs to the user: its rules are asked before any of ours, and nothing of ours
      is ever put into it but the RETURN at its end. The jump is kept at the top of FORWARD.`,
    claims: ["filter :DOCKER-USER", "filter FORWARD -j DOCKER-USER", "filter DOCKER-USER -j RETURN"],
  },
  {
    heading: "Networks do not reach each other",
    text: `A packet that left one bridge for elsewhere (stage 1) and is about to enter another one (stage 2) goes from network to
      network. Answers to what was allowed before pass. What is published may be reached by the host's address, also from
      another network, so DOCKER is asked; everything else is dropped. Both stages return what does not concern them.`,
    claims: [
      "filter :DOCKER-ISOLATION-STAGE-1",
      "filter :DOCKER-ISOLATION-STAGE-2",
      "filter FORWARD -j DOCKER-ISOLATION-STAGE-1",
      "filter DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2",
      "filter DOCKER-ISOLATION-STAGE-1 -j RETURN",
      "filter DOCKER-ISOLATION-STAGE-2 -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
      "filter DOCKER-ISOLATION-STAGE-2 -o docker0 -j DOCKER",
      "filter DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP",
    ],
  },
  {
    heading: "Answers come in",
    text: `Whatever belongs to a connection that a container opened, or that was let in, may enter the bridge. It stands first
      among the bridge's rules because it decides nearly all packets.`,
    claims: ["filter FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"],
  },
  {
    heading: "From outside only what is published",
    text: `A new connection into the bridge asks DOCKER, which has an ACCEPT for each published port and whatever users put there.
      What comes back from DOCKER undecided, and from another link than the bridge, is dropped. The drop is a rule and not
      only the chain's policy, so that it also holds on a host that routes for others.`,
    claims: ["filter :DOCKER", "filter FORWARD -o docker0 -j DOCKER", "filter FORWARD ! -i docker0 -o docker0 -j DROP"],
  },
  {
    heading: "Outwards, and among containers",
    text: `Containers may open connections to anywhere else, and to each other: the second rule is the one that
      \`--icc=false\` turns into a DROP.`,
    claims: ["filter FORWARD -i docker0 ! -o docker0 -j ACCEPT", "filter FORWARD -i docker0 -o docker0 -j ACCEPT"],
  },
  {
    heading: "Containers go out under the host's address",
    text: `The world has no route back to 172.17.0.0/16: what leaves the bridge's subnet by any other link takes the address of that
      link.`,
    claims: ["nat POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"],
  },
  {
    heading: "The way to published ports",
    text: `Translations stand in nat's DOCKER, still empty. It is asked about packets that arrive for an address of the host, about
      those that the host itself sends to one of its addresses, and, with IPv4, about those to 127.0.0.0/8. IPv6 has no such rule for
      ::1: the kernel never routes from there to another link, so ports of ::1 are served by a socket.`,
    claims: [
      "nat :DOCKER",
      "nat PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
      "nat OUTPUT ! -d * -m addrtype --dst-type LOCAL -j DOCKER",
      "nat OUTPUT -d 127.0.0.0/8 -j DOCKER",
    ],
  },
  {
    heading: "Answers that have to pass the host",
    text: `Two cases in which a container would answer past the host, which then could not translate back. A container that
      reaches a neighbour by the host's address and a published port: the neighbour would answer over the bridge directly. And
      the host itself, at 127.0.0.1: the container would answer to its own loopback. In both the packet takes the bridge's
      address, so that the answer goes there.`,
    claims: [
      "nat POSTROUTING -s 172.17.0.0/16 -o docker0 -m conntrack --ctstate DNAT -j MASQUERADE",
      "nat POSTROUTING -s 127.0.0.0/8 -o docker0 -j MASQUERADE",
    ],
  },
  {
    heading: "The host's loopback stays the host's",
    text: `For ports on 127.0.0.1 the bridge routes loopback addresses (\`route_localnet\`). Without this rule a container could
      use that to send packets to services that listen on the host's 127.0.0.1 alone.`,
    claims: ["raw PREROUTING -d 127.0.0.0/8 -i docker0 -j DROP"],
  },
];

const NFTABLES: readonly Paragraph[] = [
  {
    heading: "The user's rules come first",
    text: `The chain user is made once and then belongs to the user, as DOCKER-USER does with iptables: every forwarded packet meets
      it before anything of ours (\`nft add rule ip causeway user ip saddr 192.0.2.9 drop\`), and nothing of ours is put into it.`,
    claims: ["causeway :user", "causeway forward jump user *"],
  },
  {
    heading: "What nobody accepts is dropped",
    text: `The rules below are the same however many networks, containers and ports there are: those are elements of sets, so a packet
      meets as many rules with one network as with a thousand. Forwarding was off before the daemon switched it on, so what none of them
      decides is dropped. IPv6 follows with the first network that needs it.`,
    claims: ["causeway :forward *"],
  },
  {
    heading: "Inside a network",
    text: `A packet that leaves by the bridge by which it came stays in its network. That is looked up as a pair of names, in the set of
      networks whose containers may talk, and in that of the others, with a chain of its own: answers, links, and ports
      that were published and asked for at an address of the host.`,
    claims: [
      "causeway :open-networks",
      "causeway :closed-networks",
      "causeway :links",
      "causeway :closed-network",
      "causeway forward iifname . oifname *",
      "causeway closed-network *",
      'causeway open-networks "docker0" . "docker0"',
    ],
  },
  {
    heading: "Internal networks",
    text: `Nothing that crosses the border of an internal network is forwarded, whatever it is. Both rules count what they dropped.`,
    claims: ["causeway :internal", "causeway forward iifname @internal *", "causeway forward oifname @internal *"],
  },
  {
    heading: "Answers come in",
    text: `Whatever belongs to a connection that a container opened, or that was let in, may enter.`,
    claims: ["causeway :bridges", 'causeway bridges "docker0"', "causeway forward oifname @bridges *"],
  },
  {
    heading: "Routed networks can be pinged",
    text: `Containers that are reached at their own addresses answer like any host of a routed network.`,
    claims: ["causeway :routed", "causeway forward oifname @routed *"],
  },
  {
    heading: "Published ports are open",
    text: `Behind the translation a packet is for an address and port of a container. One lookup says whether that was published,
      in a hash for single ports and in a tree for ranges.`,
    claims: [
      "causeway :open-ports",
      "causeway :open-ranges",
      "causeway forward * @open-ports accept *",
      "causeway forward * @open-ranges accept *",
    ],
  },
  {
    heading: "Nothing else enters a network",
    text: `The map says for each bridge what becomes of a packet that came this far, from outside or from another network: it is dropped.
      No pair of networks has to be named for that.`,
    claims: ["causeway :inbound", 'causeway inbound "docker0" : drop', "causeway forward oifname vmap @inbound *"],
  },
  {
    heading: "Outwards everything",
    text: `What leaves a network and enters no other may go.`,
    claims: ["causeway forward iifname @bridges accept *"],
  },
  {
    heading: "Containers are not addressed directly",
    text: `Whoever is on the host's network can have a route to a container's address. Before any translation, packets
      to such an address are dropped unless they come from its bridge or from a link that was trusted with it.`,
    claims: ["causeway :guard *", "causeway :guarded", "causeway :guard-passes", "causeway guard * @guarded *"],
  },
  {
    heading: "The host's loopback stays the host's",
    text: `For ports on 127.0.0.1, bridges route loopback addresses (\`route_localnet\`). What comes for one from any link but lo is
      somebody's attempt to use that.`,
    claims: ['causeway guard iifname != "lo" *'],
  },
  {
    heading: "The way to published ports",
    text: `Packets for an address of the host, from elsewhere and from the host itself, are looked up by protocol and port: first among
      the ports published at that one address, then among those published at all of them, then likewise among the ranges. Left out
      are IPv6 packets from link-local addresses, which cannot be answered from another link, and those to ::1, which never leave
      the loopback: ports there are served by a socket.`,
    claims: [
      "causeway :ports",
      "causeway :ports-at",
      "causeway :ranges",
      "causeway :ranges-at",
      "causeway :publish",
      "causeway publish *",
      "causeway :prerouting *",
      "causeway prerouting *",
      "causeway :output *",
      "causeway output *",
    ],
  },
  {
    heading: "Answers that have to pass the host",
    text: `A container that reaches a neighbour, or itself, by the host's address and a published port would be answered over the
      bridge directly, past the host that has to translate back; the host itself, at 127.0.0.1, would be answered on the
      container's own loopback. In these cases the packet takes the bridge's address. All else that stays on a bridge is left as
      it is.`,
    claims: [
      "causeway :postrouting *",
      "causeway :networks",
      'causeway networks "docker0" . "docker0"',
      'causeway postrouting * comment "back *"',
      'causeway postrouting * comment "inside a network"',
      'causeway postrouting * comment "from this host*"',
      'causeway postrouting * comment "on a bridge*"',
    ],
  },
  {
    heading: "Containers go out under the host's address",
    text: `The world has no route back to 172.17.0.0/16: what comes from there takes the address of the link by which it leaves, or the
      one that was asked for with \`com.docker.network.host_ipv4\`.`,
    claims: [
      "causeway :masqueraded",
      "causeway masqueraded 172.17.0.0/16",
      "causeway :sources",
      'causeway postrouting * comment "out of a network*"',
    ],
  },
];

export const NEW_DAEMON: Scenario = {
  name: "new-daemon",
  title: "A new daemon",
  about: `causewayd started on a host without any rules: there are the chains that are always there, and the default bridge,
    docker0. The other pages start from here.`,
  commands: [],
  undo: [],
  paragraphs: { iptables: IPTABLES, nftables: NFTABLES },
};
