/**
 * What every backend demands of a policy before it becomes rules: families that agree, names that cannot be read as anything
 * else by a packet filter's own language (an interface name that ends in `+` is a wildcard to iptables), ports in range.
 */
import type { Family, IpAddress } from "../addr/ip-address.ts";
import { isPortRange, portCount } from "../addr/port-range.ts";
import { EngineError } from "../base/errors.ts";
import type { BridgePolicy, DnsRedirect, EndpointGuard, LinkedPort, Policy, PublishedPorts } from "./firewall.ts";

/** Names that mean themselves in iptables' and nftables' languages; a subset of what the kernel takes, at most 15 bytes. */
const PLAIN_LINK_NAME = /^[A-Za-z0-9_.][A-Za-z0-9_.:@-]{0,14}$/;

export function isPlainLinkName(name: string): boolean {
  return PLAIN_LINK_NAME.test(name);
}

/** Throws `invalid-argument` on a policy that no backend could carry out. */
export function checkPolicy(policy: Policy): void {
  const problem = problemOf(policy);
  if (problem !== undefined) throw new EngineError("invalid-argument", `firewall policy: ${problem}`);
}

function problemOf(policy: Policy): string | undefined {
  if (policy.kind === "dns-redirect") return redirectProblem(policy);
  if (!isPlainLinkName(policy.bridge)) return `bridge name ${JSON.stringify(policy.bridge)} cannot be used in rules`;
  switch (policy.kind) {
    case "bridge":
      return bridgeProblem(policy);
    case "endpoint-guard":
      return guardProblem(policy);
    case "published-ports":
      return publishedProblem(policy);
    case "linked-port":
      return linkProblem(policy);
  }
}

function bridgeProblem({ bridge, family, subnet, masquerade, gateway, internal }: BridgePolicy): string | undefined {
  if (subnet.address.family !== family) return `subnet of bridge ${bridge} is not IPv${family}`;
  if (typeof masquerade === "object" && masquerade.snat.family !== family)
    return `source address for bridge ${bridge} is not IPv${family}`;
  if (gateway === "isolated" && !internal) return `bridge ${bridge} is isolated but not internal`;
  return undefined;
}

function guardProblem({ family, address, trustedInterfaces }: EndpointGuard): string | undefined {
  const wildcard = trustedInterfaces.find((name) => !isPlainLinkName(name));
  if (wildcard !== undefined) return `link name ${JSON.stringify(wildcard)} cannot be used in rules`;
  return familyProblem(family, [address]);
}

function publishedProblem(policy: PublishedPorts): string | undefined {
  const { family, hostAddress, containerAddress, hostPorts, containerPorts, translate } = policy;
  const bad = [containerPorts, ...(translate ? [hostPorts] : [])].find((range) => !isPortRange(range));
  if (bad !== undefined) return `ports ${bad.first}-${bad.last} are out of range`;
  if (translate && portCount(hostPorts) !== portCount(containerPorts)) return "port ranges differ in length";
  return familyProblem(family, [hostAddress, containerAddress]);
}

function linkProblem({ family, parent, child, port }: LinkedPort): string | undefined {
  return isPortRange({ first: port, last: port })
    ? familyProblem(family, [parent, child])
    : `port ${port} is out of range`;
}

function familyProblem(family: Family, addresses: readonly IpAddress[]): string | undefined {
  return addresses.every((address) => address.family === family) ? undefined : `an address is not IPv${family}`;
}

function redirectProblem(policy: DnsRedirect): string | undefined {
  if (policy.address.family !== 4) return "resolver address is not IPv4";
  const bad = [policy.udpPort, policy.tcpPort].find((port) => !isPortRange({ first: port, last: port }));
  return bad === undefined ? undefined : `port ${bad} is out of range`;
}
