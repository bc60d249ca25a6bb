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
      "filter DOCKER-ISOLATION-STAGE-2 -j RETURN",
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

export const NEW_DAEMON: Scenario = {
  name: "new-daemon",
  title: "A new daemon",
  about: `causewayd started on a host without any rules: there are the chains that are always there, and the default bridge,
    docker0. The other pages start from here.`,
  commands: [],
  undo: [],
  paragraphs: { iptables: IPTABLES, nftables: [] },
};
