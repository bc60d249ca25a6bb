/** Networks whose containers are reached at their own addresses. */
import type { Paragraph, Scenario } from "../scenario.ts";

const BRIDGE = "br-0123456789ab";
const MODE = "com.docker.network.bridge.gateway_mode_ipv4";

const ROUTED: readonly Paragraph[] = [
  {
    heading: "Nothing is translated",
    text: `Containers go out under their own addresses, and the host's ports are not involved. The network around has to have a
      route to 172.18.0.0/16 by this host.`,
    claims: [],
    replaces: [
      "nat POSTROUTING -s 172.18.0.0/16 *",
      `nat POSTROUTING -s 127.0.0.0/8 -o ${BRIDGE} -j MASQUERADE`,
      `raw PREROUTING -d 127.0.0.0/8 -i ${BRIDGE} -j DROP`,
    ],
  },
  {
    heading: "Containers are addressed directly",
    text: `That is the purpose, so their addresses are not guarded in raw.`,
    claims: [],
    replaces: [`raw PREROUTING -d 172.18.0.2/32 ! -i ${BRIDGE} -j DROP`],
  },
  {
    heading: "Ping, and the published port",
    text: `\`-p 8080:80\` opens port 80 at the container's own address; the host's port is not used. Echo requests and the messages
      that routers send are let in as to any host on a routed network. Everything else from outside meets the drop that every bridge
      has.`,
    claims: [
      `filter DOCKER -o ${BRIDGE} -p icmp -j ACCEPT`,
      `filter DOCKER -d 172.18.0.2/32 ! -i ${BRIDGE} -o ${BRIDGE} -p tcp -m tcp --dport 80 -j ACCEPT`,
    ],
  },
];

const UNPROTECTED: readonly Paragraph[] = [
  {
    heading: "Whoever has a route reaches every port",
    text: `From outside and from other networks everything is accepted, published or not, as Docker had it before version 28 on hosts
      that route. Ports are translated and published as in any other network.`,
    claims: [
      `filter FORWARD ! -i ${BRIDGE} -o ${BRIDGE} -j ACCEPT`,
      `filter DOCKER-ISOLATION-STAGE-2 -o ${BRIDGE} -j ACCEPT`,
    ],
    replaces: [
      `filter FORWARD ! -i ${BRIDGE} -o ${BRIDGE} -j DROP`,
      `filter DOCKER-ISOLATION-STAGE-2 -o ${BRIDGE} -j DROP`,
    ],
  },
  {
    heading: "Addresses are not guarded",
    text: `So containers can be addressed directly.`,
    claims: [],
    replaces: [`raw PREROUTING -d 172.18.0.2/32 ! -i ${BRIDGE} -j DROP`],
  },
];

const ROUTED_NFT: readonly Paragraph[] = [
  {
    heading: "Nothing is translated",
    text: `Containers go out under their own addresses, and the host's ports are not involved. The network around has to have a
      route to 172.18.0.0/16 by this host.`,
    claims: [],
    replaces: ["causeway masqueraded 172.18.0.0/16"],
  },
  {
    heading: "Containers are addressed directly",
    text: `That is the purpose, so their addresses are not guarded.`,
    claims: [],
    replaces: ["causeway guarded 172.18.0.2", `causeway guard-passes 172.18.0.2 . "${BRIDGE}"`],
  },
  {
    heading: "Ping, and the published port",
    text: `\`-p 8080:80\` opens port 80 at the container's own address; the host's port is not used. Pings are let in as to any host on a
      routed network. Everything else from outside is dropped as in any network.`,
    claims: [`causeway routed "${BRIDGE}"`, "causeway open-ports 172.18.0.2 . tcp . 80"],
  },
];

const UNPROTECTED_NFT: readonly Paragraph[] = [
  {
    heading: "Whoever has a route reaches every port",
    text: `From outside and from other networks everything is accepted, published or not, as Docker had it before version 28 on hosts
      that route. Ports are translated and published as in any other network.`,
    claims: [`causeway inbound "${BRIDGE}" : accept`],
    replaces: [`causeway inbound "${BRIDGE}" : drop`],
  },
  {
    heading: "Addresses are not guarded",
    text: `So containers can be addressed directly.`,
    claims: [],
    replaces: ["causeway guarded 172.18.0.2", `causeway guard-passes 172.18.0.2 . "${BRIDGE}"`],
  },
];

export const GATEWAY_ROUTED: Scenario = {
  name: "routed",
  title: "A routed network",
  about: `A network whose containers are reached at their own addresses, where they opened a port.`,
  commands: [`network create -o ${MODE}=routed backend`, "run -d --name c1 --net backend -p 8080:80 IMAGE sleep 1000"],
  undo: ["rm -f c1", "network rm backend"],
  base: "user-network",
  containers: ["c1"],
  paragraphs: { iptables: ROUTED, nftables: ROUTED_NFT },
};

export const GATEWAY_NAT_UNPROTECTED: Scenario = {
  name: "nat-unprotected",
  title: "A network without protection from direct routing",
  about: `A network that is translated as usual, and whose containers are reached by whoever routes to them.`,
  commands: [`network create -o ${MODE}=nat-unprotected backend`, "run -d --name c1 --net backend IMAGE sleep 1000"],
  undo: ["rm -f c1", "network rm backend"],
  base: "user-network",
  containers: ["c1"],
  paragraphs: { iptables: UNPROTECTED, nftables: UNPROTECTED_NFT },
};
