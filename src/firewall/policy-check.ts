/**
 * What every backend demands of a policy before it becomes rules: families that agree, names that cannot be read as anything
 * else by a packet filter's own language (an interface name that ends in `+` is a wildcard to iptables), ports in range.
 */
import { EngineError } from "../base/errors.ts";
import type { Policy } from "./firewall.ts";

/** Names that mean themselves in iptables' and nftables' languages; a subset of what the kernel takes, at most 15 bytes. */
const PLAIN_LINK_NAME = /^[A-Za-z0-9_.][A-Za-z0-9_.:@-]{0,14}$/;

export function isPlainLinkName(name: string): boolean {
  return PLAIN_LINK_NAME.test(name);
}

/** Throws `invalid-argument` on a policy that no backend could carry out. */
export function checkPolicy(policy: Policy): void {
  const problem = policy.kind === "bridge" ? bridgeProblem(policy) : redirectProblem(policy);
  if (problem !== undefined) throw new EngineError("invalid-argument", `firewall policy: ${problem}`);
}

function bridgeProblem(policy: Extract<Policy, { kind: "bridge" }>): string | undefined {
  const { bridge, family, subnet, masquerade } = policy;
  if (!isPlainLinkName(bridge)) return `bridge name ${JSON.stringify(bridge)} cannot be used in rules`;
  if (subnet.address.family !== family) return `subnet of bridge ${bridge} is not IPv${family}`;
  if (typeof masquerade === "object" && masquerade.snat.family !== family)
    return `source address for bridge ${bridge} is not IPv${family}`;
  return undefined;
}

function redirectProblem(policy: Extract<Policy, { kind: "dns-redirect" }>): string | undefined {
  if (policy.address.family !== 4) return "resolver address is not IPv4";
  const bad = [policy.udpPort, policy.tcpPort].find((port) => !Number.isInteger(port) || port < 1 || port > 65535);
  return bad === undefined ? undefined : `port ${bad} is out of range`;
}
