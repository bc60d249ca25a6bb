/** All scenarios, in the order of the index. A stage is one daemon; within it a page may be compared with an earlier one. */
import type { Stage } from "./scenario.ts";
import { GATEWAY_NAT_UNPROTECTED, GATEWAY_ROUTED } from "./scenarios/gateway-modes.ts";
import { ICC_OFF } from "./scenarios/icc-off.ts";
import { INTERNAL } from "./scenarios/internal.ts";
import { IPV6 } from "./scenarios/ipv6.ts";
import { LINK } from "./scenarios/link.ts";
import { LOOPBACK_PORT } from "./scenarios/loopback-port.ts";
import { NEW_DAEMON } from "./scenarios/new-daemon.ts";
import { PUBLISHED_PORT } from "./scenarios/published-port.ts";
import { USER_NETWORK } from "./scenarios/user-network.ts";
import { USERS_BRIDGE } from "./scenarios/users-bridge.ts";

const MAKE_BRIDGE = "ip link add br0 type bridge; ip address add 18.18.0.1/16 dev br0; ip link set br0 up";

/** IPv6 comes last in its stage: forwarding stays on when the network is gone. */
export const STAGES: readonly Stage[] = [
  {
    name: "plain",
    flags: [],
    scenarios: [
      NEW_DAEMON,
      USER_NETWORK,
      PUBLISHED_PORT,
      LOOPBACK_PORT,
      INTERNAL,
      GATEWAY_ROUTED,
      GATEWAY_NAT_UNPROTECTED,
      IPV6,
    ],
  },
  { name: "icc-off", flags: ["--icc=false"], scenarios: [ICC_OFF, LINK] },
  { name: "bridge", flags: ["--bridge", "br0"], before: MAKE_BRIDGE, scenarios: [USERS_BRIDGE] },
];
