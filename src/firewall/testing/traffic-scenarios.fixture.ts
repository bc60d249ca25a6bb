/**
 * The scenarios of `traffic.contract.ts`: which policies hold, who asks whom in the lab, and who answers, or nobody.
 *
 * A probe is `from: [udp ]address:port = answerer [asker's address as the answerer sees it]`; `= nobody` is a denied one.
 */
import { parseAddress } from "../../addr/ip-address.ts";
import type { Policy } from "../firewall.ts";
import { bridgePolicy, endpointGuard, linkedPort, published } from "../policies.fixture.ts";

const A = bridgePolicy("br-a", "10.1.0.0/24");
const A6 = bridgePolicy("br-a", "fd00:1::/64");
const B = bridgePolicy("br-b", "10.2.0.0/24");
const B6 = bridgePolicy("br-b", "fd00:2::/64");
const GUARDS = [
  endpointGuard("br-a", "10.1.0.2"),
  endpointGuard("br-a", "fd00:1::2"),
  endpointGuard("br-b", "10.2.0.2"),
  endpointGuard("br-b", "fd00:2::2"),
];
/** Both networks over both families, with the containers guarded that are asked. */
export const NETWORKS = [A, A6, B, B6, ...GUARDS];
const UDP = { protocol: "udp" } as const;

export interface Scenario {
  readonly title: string;
  readonly policies: readonly Policy[];
  /** The world has routes to the containers' addresses. */
  readonly routed?: boolean;
  /** What the packet filter shall see inside a bridge; both unless said. */
  readonly onlyWithBridgeFilter?: boolean;
  readonly probes: readonly string[];
}

/** From everywhere to a port that is published on all addresses. */
const EVERYBODY = [
  "world: 192.0.2.1:8080 = a1 192.0.2.9",
  "host: 192.0.2.1:8080 = a1",
  "host: 10.1.0.1:8080 = a1",
  "host: 127.0.0.1:8080 = a1 10.1.0.1",
  "b1: 192.0.2.1:8080 = a1",
  "b1: 10.2.0.1:8080 = a1",
  "a2: 192.0.2.1:8080 = a1 10.1.0.1",
  "a2: 10.1.0.1:8080 = a1",
  "a1: 192.0.2.1:8080 = a1 10.1.0.1",
  "a1: 10.1.0.1:8080 = a1",
];

export const SCENARIOS: readonly Scenario[] = [
  {
    title: "nothing is published: networks reach themselves, the host and the world, and nobody reaches them",
    policies: NETWORKS,
    routed: true,
    probes: [
      "a1: 10.1.0.3:80 = a2 10.1.0.2",
      "a1: [fd00:1::3]:80 = a2",
      "a1: 192.0.2.1:7777 = host",
      "host: 10.1.0.2:80 = a1",
      "a1: 192.0.2.9:80 = world 192.0.2.1",
      "b1: [2001:db8::9]:80 = world 2001:db8::1",
      "a1: udp 192.0.2.9:80 = world 192.0.2.1",
      "a1: 10.2.0.2:80 = nobody",
      "b1: [fd00:1::2]:80 = nobody",
      "world: 10.1.0.2:80 = nobody",
      "world: 10.1.0.3:80 = nobody",
      "world: [fd00:1::2]:80 = nobody",
      "world: udp 10.1.0.2:80 = nobody",
    ],
  },
  {
    title: "a published port is reached at every address of the host, by everybody, and at no other port",
    policies: [...NETWORKS, published("br-a", "8080", "10.1.0.2:80")],
    probes: [...EVERYBODY, "world: 192.0.2.1:80 = nobody", "world: 192.0.2.1:8081 = nobody"],
  },
  {
    title: "a published port is not reached at the container's own address, from the world or another network",
    policies: [...NETWORKS, published("br-a", "8080", "10.1.0.2:80")],
    routed: true,
    probes: [
      "world: 10.1.0.2:80 = nobody",
      "b1: 10.1.0.2:80 = nobody",
      "world: 192.0.2.1:8080 = a1",
      "host: 10.1.0.2:80 = a1",
    ],
  },
  {
    title: "a published UDP port answers everybody from the address that was asked",
    policies: [...NETWORKS, published("br-a", "8080", "10.1.0.2:80", UDP)],
    probes: [...EVERYBODY.map((probe) => probe.replace(": ", ": udp ")), "world: 192.0.2.1:8080 = nobody"],
  },
  {
    title: "without communication between containers a published port still answers all of them",
    policies: [
      { ...A, icc: false },
      { ...A6, icc: false },
      B,
      B6,
      ...GUARDS,
      published("br-a", "8080", "10.1.0.2:80"),
      published("br-a", "8080", "[fd00:1::2]:80"),
    ],
    onlyWithBridgeFilter: true,
    probes: [
      ...EVERYBODY,
      "a2: [2001:db8::1]:8080 = a1",
      "a1: [2001:db8::1]:8080 = a1",
      "a2: 10.1.0.2:80 = nobody",
      "a2: [fd00:1::2]:80 = nobody",
    ],
  },
  {
    title: "a published IPv6 port is reached at the host's IPv6 addresses",
    policies: [...NETWORKS, published("br-a", "8080", "[fd00:1::2]:80")],
    routed: true,
    probes: [
      "world: [2001:db8::1]:8080 = a1 2001:db8::9",
      "host: [2001:db8::1]:8080 = a1",
      "host: [fd00:1::1]:8080 = a1",
      "b1: [2001:db8::1]:8080 = a1",
      "a2: [2001:db8::1]:8080 = a1 fd00:1::1",
      "a1: [2001:db8::1]:8080 = a1 fd00:1::1",
      "a1: [fd00:1::1]:8080 = a1",
      "world: [fd00:1::2]:80 = nobody",
      "world: 192.0.2.1:8080 = nobody",
    ],
  },
  {
    title: "a port on one address of the host is reached there alone",
    policies: [...NETWORKS, published("br-a", "8080", "10.1.0.2:80", { hostAddress: parseAddress("192.0.2.1") })],
    probes: [
      "world: 192.0.2.1:8080 = a1",
      "host: 192.0.2.1:8080 = a1",
      "b1: 192.0.2.1:8080 = a1",
      "a2: 192.0.2.1:8080 = a1",
      "a1: 192.0.2.1:8080 = a1",
      "host: 127.0.0.1:8080 = nobody",
      "host: 10.1.0.1:8080 = nobody",
      "b1: 10.2.0.1:8080 = nobody",
    ],
  },
  {
    title: "a port on the host's loopback is reached by the host alone",
    policies: [
      ...NETWORKS,
      published("br-a", "8080", "10.1.0.2:80", { hostAddress: parseAddress("127.0.0.1") }),
      published("br-a", "8080", "10.1.0.2:80", { hostAddress: parseAddress("127.0.0.1"), ...UDP }),
    ],
    routed: true,
    probes: [
      "host: 127.0.0.1:8080 = a1 10.1.0.1",
      "host: udp 127.0.0.1:8080 = a1 10.1.0.1",
      "world: 192.0.2.1:8080 = nobody",
      "world: 127.0.0.53:8080 = nobody",
      "world: 127.0.0.1:8080 = nobody",
      "world: udp 127.0.0.1:8080 = nobody",
      "b1: 192.0.2.1:8080 = nobody",
      "a2: 10.1.0.1:8080 = nobody",
      "a2: 127.0.0.1:8080 = nobody",
    ],
  },
  {
    title: "the host's loopback is not reached from a bridge that routes it",
    policies: NETWORKS,
    probes: ["host: 127.0.0.53:7777 = host 127.0.0.1", "a1: 127.0.0.53:7777 = nobody", "b1: 127.0.0.53:7777 = nobody"],
  },
  {
    title: "ranges lead to the same numbers, or to others port by port",
    policies: [
      ...NETWORKS,
      published("br-a", "80-82", "10.1.0.2:80-82"),
      published("br-a", "9000-9002", "10.1.0.2:82-84"),
      published("br-b", "9003-9005", "10.2.0.2:80-82", UDP),
    ],
    probes: [
      "world: 192.0.2.1:80 = a1",
      "world: 192.0.2.1:82 = a1",
      "world: 192.0.2.1:83 = nobody",
      "world: 192.0.2.1:9000 = a1",
      "world: 192.0.2.1:9002 = a1",
      "a2: 192.0.2.1:9001 = a1",
      "a1: 192.0.2.1:9001 = a1",
      "host: 127.0.0.1:9001 = a1",
      "world: udp 192.0.2.1:9003 = b1",
      "host: udp 192.0.2.1:9005 = b1",
      "world: 192.0.2.1:9003 = nobody",
      "world: udp 192.0.2.1:9006 = nobody",
    ],
  },
  {
    title: "two ports lead to one, and when one goes the other stays",
    policies: [
      ...NETWORKS,
      published("br-a", "8080", "10.1.0.2:80"),
      published("br-a", "8081", "10.1.0.2:80", { hostAddress: parseAddress("192.0.2.1") }),
    ],
    probes: ["world: 192.0.2.1:8080 = a1", "world: 192.0.2.1:8081 = a1"],
  },
  {
    title: "without communication between containers a link opens one port, one way",
    policies: [{ ...A, icc: false }, ...GUARDS, linkedPort("br-a", "10.1.0.3", "10.1.0.2", 80)],
    onlyWithBridgeFilter: true,
    probes: [
      "a2: 10.1.0.2:80 = a1",
      "a2: 10.1.0.2:81 = nobody",
      "a2: udp 10.1.0.2:80 = nobody",
      "a1: 10.1.0.3:80 = nobody",
      "a1: 192.0.2.9:80 = world",
    ],
  },
  {
    title: "from a trusted interface a container is reached at its own address",
    policies: [A, B, endpointGuard("br-a", "10.1.0.2", "uplink"), published("br-a", "8080", "10.1.0.2:80")],
    routed: true,
    probes: ["world: 10.1.0.2:80 = a1 192.0.2.9", "world: 10.1.0.2:81 = nobody", "b1: 10.1.0.2:80 = nobody"],
  },
  {
    title: "nat-unprotected: whoever has a route reaches every port, and published ones are translated too",
    policies: [{ ...A, gateway: "nat-unprotected" }, B, published("br-a", "8080", "10.1.0.2:80")],
    routed: true,
    probes: [
      ...EVERYBODY,
      "world: 10.1.0.2:80 = a1 192.0.2.9",
      "world: 10.1.0.2:9090 = a1",
      "b1: 10.1.0.2:9090 = a1",
      "a1: 192.0.2.9:80 = world 192.0.2.1",
      "a1: 10.2.0.2:80 = nobody",
    ],
  },
  {
    title: "routed: published ports are reached at the container's own address, and nothing is translated",
    policies: [
      { ...A, gateway: "routed", masquerade: "none" },
      { ...A6, gateway: "routed", masquerade: "none" },
      B,
      B6,
      published("br-a", "80", "10.1.0.2:80", { translate: false }),
      published("br-a", "80", "[fd00:1::2]:80", { translate: false }),
      published("br-a", "80", "10.1.0.3:80", { translate: false }),
    ],
    routed: true,
    probes: [
      "world: 10.1.0.2:80 = a1 192.0.2.9",
      "world: 10.1.0.3:80 = a2 192.0.2.9",
      "world: [fd00:1::2]:80 = a1 2001:db8::9",
      "world: 10.1.0.2:81 = nobody",
      "b1: 10.1.0.2:80 = a1",
      "b1: 10.1.0.2:81 = nobody",
      "a1: 192.0.2.9:80 = world 10.1.0.2",
      "a1: 10.2.0.2:80 = nobody",
      "world: 192.0.2.1:80 = nobody",
    ],
  },
  ...(["nat", "isolated"] as const).map((gateway): Scenario => {
    const internal = { internal: true, masquerade: "none", gateway } as const;
    return {
      title: `an internal network (${gateway}) reaches itself and nothing else, and is reached by nobody`,
      policies: [{ ...A, ...internal }, { ...A6, ...internal }, B, B6, published("br-b", "8080", "10.2.0.2:80")],
      routed: true,
      probes: [
        "a1: 10.1.0.3:80 = a2",
        "a1: [fd00:1::3]:80 = a2",
        "a1: 192.0.2.9:80 = nobody",
        "a1: 10.2.0.2:80 = nobody",
        "a1: [2001:db8::9]:80 = nobody",
        "world: 10.1.0.2:80 = nobody",
        "world: [fd00:1::2]:80 = nobody",
        "b1: 10.1.0.2:80 = nobody",
        "world: 192.0.2.1:8080 = b1",
      ],
    };
  }),
  {
    title: "a source address that was asked for is what the world sees",
    policies: [{ ...A, masquerade: { snat: parseAddress("192.0.2.77") } }],
    probes: ["a1: 192.0.2.9:80 = world 192.0.2.77"],
  },
  {
    title: "without masquerading the world sees containers as they are, and answers them",
    policies: [{ ...A, masquerade: "none" }, B, published("br-a", "8080", "10.1.0.2:80")],
    routed: true,
    probes: ["a1: 192.0.2.9:80 = world 10.1.0.2", "world: 10.1.0.2:81 = nobody", ...EVERYBODY],
  },
];
