/**
 * The iptables rules of endpoints: the guard of an address, published ports, linked ports. Pure.
 *
 * A published port is one rule in each chain that it needs, and so is a range of them. Where both ranges have the same
 * numbers the kernel keeps the port that it finds; where they differ, a shifted range does (`Dialect`).
 *
 *     nat DOCKER        to the host's port: to the container's
 *     nat POSTROUTING   from the container to itself: from the bridge's address, else the answer would never leave it
 *     filter DOCKER     to the container's port: accept
 *     mangle            SCTP leaves with a checksum, which the container left to the hardware
 *     raw               a port on the host's loopback is for the host
 */
import { formatAddress, isLoopback, isUnspecified, type IpAddress } from "../../addr/ip-address.ts";
import { formatPorts, portCount } from "../../addr/port-range.ts";
import { policyKey, type EndpointGuard, type LinkedPort, type PublishedPorts } from "../firewall.ts";
import { blockMaker, type Block, type Dialect } from "./rules.ts";

/** Trusted links first, then the drop. */
export function guardBlocks(policy: EndpointGuard): readonly Block[] {
  const address = host(policy.address);
  const trusted = policy.trustedInterfaces.map((link) => `-d ${address} -i ${link} -j ACCEPT`);
  const texts = [...trusted, `-d ${address} ! -i ${policy.bridge} -j DROP`];
  return [blockMaker(policyKey(policy))("raw", "PREROUTING", "tail", texts)];
}

/** Nothing for ::1, whose packets never leave the loopback: a proxy listens there. */
export function publishedBlocks(policy: PublishedPorts, dialect: Dialect): readonly Block[] {
  const { bridge, protocol, containerAddress, containerPorts, hostAddress } = policy;
  const block = blockMaker(policyKey(policy));
  const container = host(containerAddress);
  const ports = `-p ${protocol} -m ${protocol} --dport ${formatPorts(containerPorts, ":")}`;
  const accept = block("filter", "DOCKER", "tail", [`-d ${container} ! -i ${bridge} -o ${bridge} ${ports} -j ACCEPT`]);
  if (!policy.translate) return [accept];
  if (isLoopback(hostAddress) && hostAddress.family === 6) return [];
  return [
    ...loopbackDrop(policy),
    ...(protocol === "sctp"
      ? [block("mangle", "POSTROUTING", "tail", [`-s ${container} ${sourcePorts(policy)} -j CHECKSUM --checksum-fill`])]
      : []),
    accept,
    block("nat", "DOCKER", "tail", translations(policy, dialect)),
    block("nat", "POSTROUTING", "head", [`-s ${container} -d ${container} ${ports} -j MASQUERADE`]),
  ];
}

function sourcePorts({ protocol, containerPorts }: PublishedPorts): string {
  return `-p ${protocol} -m ${protocol} --sport ${formatPorts(containerPorts, ":")}`;
}

/** Where a link of the host routes 127.0.0.0/8 (route_localnet), others could send packets there. */
function loopbackDrop(policy: PublishedPorts): readonly Block[] {
  const { hostAddress, protocol, hostPorts } = policy;
  if (!isLoopback(hostAddress)) return [];
  const text = `-d ${host(hostAddress)} ! -i lo -p ${protocol} -m ${protocol} --dport ${formatPorts(hostPorts, ":")} -j DROP`;
  return [blockMaker(policyKey(policy))("raw", "PREROUTING", "tail", [text])];
}

/** From elsewhere, and from the port's own network; nobody there can address the host's loopback. */
function translations(policy: PublishedPorts, dialect: Dialect): readonly string[] {
  const { bridge, family, hostAddress, protocol } = policy;
  const source = family === 6 ? "! -s fe80::/10 " : "";
  const destination = isUnspecified(hostAddress) ? "" : `-d ${host(hostAddress)} `;
  const origins = isLoopback(hostAddress) ? [`! -i ${bridge}`] : [`! -i ${bridge}`, `-i ${bridge}`];
  return targets(policy, dialect).flatMap(({ ports, target }) =>
    origins.map(
      (origin) =>
        `${source}${destination}${origin} -p ${protocol} -m ${protocol} --dport ${ports} -j DNAT --to-destination ${target}`,
    ),
  );
}

interface Target {
  /** As iptables writes it, `80` or `80:90`. */
  readonly ports: string;
  readonly target: string;
}

function targets({ hostPorts, containerPorts, containerAddress }: PublishedPorts, dialect: Dialect): readonly Target[] {
  const address = formatAddress(containerAddress);
  const withPort = (port: string): string =>
    containerAddress.family === 4 ? `${address}:${port}` : `[${address}]:${port}`;
  const ports = formatPorts(hostPorts, ":");
  const count = portCount(hostPorts);
  if (count === 1) return [{ ports, target: withPort(formatPorts(containerPorts)) }];
  if (hostPorts.first === containerPorts.first) return [{ ports, target: address }];
  if (dialect.shiftedRanges) return [{ ports, target: withPort(`${formatPorts(containerPorts)}/${hostPorts.first}`) }];
  return Array.from({ length: count }, (_, index) => ({
    ports: String(hostPorts.first + index),
    target: withPort(String(containerPorts.first + index)),
  }));
}

/** There and, since a rule cannot tell, back. */
export function linkBlocks(policy: LinkedPort): readonly Block[] {
  const { bridge, protocol, port } = policy;
  const [parent, child] = [host(policy.parent), host(policy.child)];
  const within = `-i ${bridge} -o ${bridge} -p ${protocol} -m ${protocol}`;
  return [
    blockMaker(policyKey(policy))("filter", "DOCKER", "tail", [
      `-s ${parent} -d ${child} ${within} --dport ${port} -j ACCEPT`,
      `-s ${child} -d ${parent} ${within} --sport ${port} -j ACCEPT`,
    ]),
  ];
}

/** The address alone, as iptables writes it. */
function host(address: IpAddress): string {
  return `${formatAddress(address)}/${address.family === 4 ? 32 : 128}`;
}
