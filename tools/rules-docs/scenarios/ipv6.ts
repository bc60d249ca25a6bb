/** A network with both address families. */
import type { Paragraph, Scenario } from "../scenario.ts";

const BRIDGE = "br-0123456789ab";

const IPTABLES: readonly Paragraph[] = [
  {
    heading: "IPv6 is forwarded from now on",
    text: `This is the first network with IPv6, so forwarding is switched on for it too
      (\`net.ipv6.conf.all.forwarding=1\`), and since it was off until now, what nobody accepts is dropped.`,
    claims: ["filter :FORWARD DROP"],
  },
  {
    heading: "The bridge's rules, once more",
    text: `ip6tables gets what iptables has for this bridge, each rule for the [same reason](new-daemon.md).`,
    claims: [
      `filter FORWARD -o ${BRIDGE} *`,
      `filter FORWARD ! -i ${BRIDGE} -o ${BRIDGE} -j DROP`,
      `filter FORWARD -i ${BRIDGE} *`,
      `filter DOCKER-ISOLATION-STAGE-1 -i ${BRIDGE} *`,
      `filter DOCKER-ISOLATION-STAGE-2 -o ${BRIDGE} *`,
    ],
  },
  {
    heading: "Containers go out under the host's address",
    text: `fd00:18::/64 is private, as 172.18.0.0/16 is, and is translated likewise (NAT66). Where containers shall have addresses
      that the world routes, \`gateway_mode_ipv6=routed\` leaves them alone.`,
    claims: [`nat POSTROUTING -s fd00:18::/64 *`],
  },
  {
    heading: "The container's address is not reached from outside",
    text: `As in IPv4, and more useful here, where addresses are more often routed.`,
    claims: [`raw PREROUTING -d fd00:18::2/128 ! -i ${BRIDGE} -j DROP`],
  },
  {
    heading: "The published port",
    text: `As in IPv4 ([reasons](published-port.md)), but for senders with link-local addresses: fe80::/10 means another cable on each
      link, and a container's answer could not find its way back.`,
    claims: [
      `nat DOCKER ! -s fe80::/10 ! -i ${BRIDGE} -p tcp -m tcp --dport 8080 -j DNAT --to-destination [fd00:18::2]:80`,
      `nat DOCKER ! -s fe80::/10 -i ${BRIDGE} -p tcp -m tcp --dport 8080 -j DNAT --to-destination [fd00:18::2]:80`,
      "nat POSTROUTING -s fd00:18::2/128 -d fd00:18::2/128 -p tcp -m tcp --dport 80 -j MASQUERADE",
      `filter DOCKER -d fd00:18::2/128 ! -i ${BRIDGE} -o ${BRIDGE} -p tcp -m tcp --dport 80 -j ACCEPT`,
    ],
  },
];

const NFTABLES: readonly Paragraph[] = [
  {
    heading: "IPv6 is forwarded from now on",
    text: `This is the first network with IPv6, so forwarding is switched on for it too (\`net.ipv6.conf.all.forwarding=1\`), and since
      it was off until now, what nobody accepts is dropped.`,
    claims: ["causeway :forward type filter hook forward priority filter; policy drop;"],
    replaces: ["causeway :forward type filter hook forward priority filter; policy accept;"],
  },
  {
    heading: "The network is elements of the other table, too",
    text: `The table for IPv6 has the same rules and sets; the bridge enters those sets as it entered the others.`,
    claims: [
      `causeway bridges "${BRIDGE}"`,
      `causeway * "${BRIDGE}" . "${BRIDGE}"`,
      `causeway inbound "${BRIDGE}" : drop`,
    ],
  },
  {
    heading: "Containers go out under the host's address",
    text: `fd00:18::/64 is private, as 172.18.0.0/16 is, and is translated likewise (NAT66). Where containers shall have addresses that the
      world routes, \`gateway_mode_ipv6=routed\` leaves them alone.`,
    claims: ["causeway masqueraded fd00:18::/64"],
  },
  {
    heading: "The container's address is not reached from outside",
    text: `As in IPv4, and more useful here, where addresses are more often routed.`,
    claims: ["causeway guarded fd00:18::2", `causeway guard-passes fd00:18::2 . "${BRIDGE}"`],
  },
  {
    heading: "The published port",
    text: `As in IPv4 ([reasons](published-port.md)): one element that translates, and one that opens.`,
    claims: ["causeway ports tcp . 8080 : fd00:18::2 . 80", "causeway open-ports fd00:18::2 . tcp . 80"],
  },
];

export const IPV6: Scenario = {
  name: "ipv6",
  title: "IPv6",
  about: `A network with both address families, and a port published on IPv6, on a host that did not forward IPv6 so far.`,
  commands: [
    "network create --ipv6 --subnet 172.18.0.0/16 --subnet fd00:18::/64 backend",
    "run -d --name c1 --net backend -p [::]:8080:80 IMAGE sleep 1000",
  ],
  undo: ["rm -f c1", "network rm backend"],
  base: "user-network",
  containers: ["c1"],
  paragraphs: { iptables: IPTABLES, nftables: NFTABLES },
};
