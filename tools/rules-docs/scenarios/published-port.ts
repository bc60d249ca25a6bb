/** A port of the host that leads to a container. */
import type { Paragraph, Scenario } from "../scenario.ts";

const IPTABLES: readonly Paragraph[] = [
  {
    heading: "Port 8080 of the host leads to port 80 of the container",
    text: `For every address that the host has. The first rule is about packets from elsewhere, the second about those of the
      port's own network, the container itself included: no proxy stands in between, so they are translated, too. Your
      own rules in nat's DOCKER stay above.`,
    claims: [
      "nat DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80",
      "nat DOCKER -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80",
    ],
  },
  {
    heading: "The container reaches itself",
    text: `A container that asks for port 8080 of the host is led back to itself. Unless the packet took the bridge's address on the
      way, the container would see its own address as the source, and answer over its own loopback, untranslated.`,
    claims: ["nat POSTROUTING -s 172.17.0.2/32 -d 172.17.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE"],
  },
  {
    heading: "The port is open",
    text: `Behind the translation the packet is for port 80 of the container, which is what is opened. The rule is appended, so
      that what you insert into DOCKER is asked first: \`iptables -I DOCKER -i eth0 ! -s 192.168.0.0/16 -j DROP\` closes all
      published ports to others, for good.`,
    claims: ["filter DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT"],
  },
  {
    heading: "Only by way of the host's address",
    text: `In raw the destination of a published port is still the host's. What names the container's own address already, from
      another link than its bridge, was routed there by somebody on the host's network, and is dropped.`,
    claims: ["raw PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP"],
  },
];

const NFTABLES: readonly Paragraph[] = [
  {
    heading: "Port 8080 of the host leads to port 80 of the container",
    text: `One element of the map that chain publish looks packets up in. It serves who comes from elsewhere, the host itself, other
      containers, and the container that asks for its own port.`,
    claims: ["causeway ports tcp . 8080 : 172.17.0.2 . 80"],
  },
  {
    heading: "The port is open",
    text: `Behind the translation the packet is for port 80 of the container, which is what is opened. To close published ports to some,
      put a rule into the chain user.`,
    claims: ["causeway open-ports 172.17.0.2 . tcp . 80"],
  },
  {
    heading: "Only by way of the host's address",
    text: `What names the container's own address already, from another link than its bridge, was routed there by somebody on the host's
      network, and is dropped.`,
    claims: ["causeway guarded 172.17.0.2", 'causeway guard-passes 172.17.0.2 . "docker0"'],
  },
];

export const PUBLISHED_PORT: Scenario = {
  name: "published-port",
  title: "A published port",
  about: `A container on the default bridge with a port that is reached from anywhere.`,
  commands: ["run -d --name web -p 0.0.0.0:8080:80 IMAGE sleep 1000"],
  undo: ["rm -f web"],
  base: "new-daemon",
  paragraphs: { iptables: IPTABLES, nftables: NFTABLES },
};
