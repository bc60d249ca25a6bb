/**
 * The probing thread: moves into a network namespace of its own, never comes back, tries every feature there, answers and
 * ends; the namespace and all that was tried end with it.
 */
import { spawnSync } from "node:child_process";
import { constants } from "node:os";
import { parentPort } from "node:worker_threads";
import { failureOf } from "./apply/apply.ts";
import { KernelError } from "./kernel-error.ts";
import { nestAttribute, textAttribute, u32Attribute } from "./netlink/attribute.ts";
import { NetlinkSocket } from "./netlink/socket.ts";
import type { ProbeAnswer } from "./probe.ts";
import { encodeLink } from "./route/link.ts";
import { mount, unshare } from "./system/libc.ts";
import { IFLA, IFLA_INFO, IFLA_VXLAN } from "./uapi/if-link.ts";
import { NLM_F } from "./uapi/netlink.ts";
import { RTM } from "./uapi/rtnetlink.ts";
import { CLONE } from "./uapi/system.ts";

const IPTABLES_TIMEOUT_MS = 10_000;

/** What iptables has to be able to say, by the kernel module that lets it. */
const RULES: readonly (readonly [feature: string, rule: string])[] = [
  ["nf_conntrack", "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"],
  ["nf_nat", "-t nat -A POSTROUTING -s 10.0.0.0/8 ! -o lo -j MASQUERADE"],
  ["xt_addrtype", "-t nat -A PREROUTING -m addrtype --dst-type LOCAL -j ACCEPT"],
  ["xt_DNAT", "-t nat -A OUTPUT -d 127.0.0.11/32 -p udp --dport 53 -j DNAT --to-destination 127.0.0.11:1053"],
];

/** The missing ones. Must be called with the thread in the namespace for trying. */
function missingFeatures(): readonly string[] {
  using socket = NetlinkSocket.open();
  const features: readonly (readonly [name: string, isThere: () => boolean])[] = [
    ["veth", () => makesLink(socket, "veth")],
    ["bridge", () => makesLink(socket, "bridge")],
    ["overlay", hasOverlay],
    ...RULES.map(([name, rule]) => [name, () => takesRule(rule)] as const),
    ["vxlan", () => makesLink(socket, "vxlan")],
    ["macvlan", () => makesLink(socket, "macvlan")],
    ["ipvlan", () => makesLink(socket, "ipvlan")],
  ];
  return features.filter(([, isThere]) => !isThere()).map(([name]) => name);
}

/** Equivalent to: `ip link add pKIND type KIND`. Any other refusal than "no such type" proves that the type is there. */
function makesLink(socket: NetlinkSocket, kind: string): boolean {
  const data = kind === "vxlan" ? [nestAttribute(IFLA_INFO.DATA, [u32Attribute(IFLA_VXLAN.ID, 1)])] : [];
  const info = nestAttribute(IFLA.LINKINFO, [textAttribute(IFLA_INFO.KIND, kind), ...data]);
  const payload = encodeLink({}, [textAttribute(IFLA.IFNAME, `p${kind}`), info]);
  const [answer] = socket.execute([{ type: RTM.NEWLINK, flags: NLM_F.CREATE | NLM_F.EXCL, payload }]);
  return answer?.errno !== constants.errno.EOPNOTSUPP;
}

/** An overlay without layers cannot be mounted: ENODEV says that there is no such file system, all else that there is. */
function hasOverlay(): boolean {
  try {
    mount("overlay", "/", "overlay", 0);
    return true;
  } catch (cause) {
    return !(cause instanceof KernelError && cause.errno === constants.errno.ENODEV);
  }
}

/** True also where iptables is not installed: then it is not the kernel's fault. */
function takesRule(rule: string): boolean {
  const { error, status } = spawnSync("iptables", ["--wait", ...rule.split(" ")], { timeout: IPTABLES_TIMEOUT_MS });
  return error !== undefined || status === 0;
}

function answer(): ProbeAnswer {
  try {
    unshare(CLONE.NEWNET);
    return { missing: missingFeatures() };
  } catch (cause) {
    return { failure: failureOf(cause) };
  }
}

parentPort?.postMessage(answer());
