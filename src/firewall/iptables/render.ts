/**
 * Policies to iptables rules. Pure. The layout is the classic one of libnetwork (`drivers/bridge/setup_ip_tables.go`), which
 * scripts and people know from `iptables-save`, plus what Docker added in version 28: a container's port that was not
 * published is not reachable by routing to its address either.
 *
 *     FORWARD --> DOCKER-USER                 the user's rules, before any of ours
 *             --> DOCKER-ISOLATION-STAGE-1 --> STAGE-2   between networks: drop
 *             (per bridge)  -o BR established: accept;  -o BR: DOCKER;  from BR outwards: accept;  BR to BR: accept or drop
 *     DOCKER      published ports: accept (users' own rules too); then, per bridge, from outside: drop
 */
import { formatAddress, type Family } from "../../addr/ip-address.ts";
import { formatPrefix, networkOf } from "../../addr/prefix.ts";
import { HOST } from "../../kernel/facts.ts";
import { policyKey, type BridgePolicy, type DnsRedirect, type Policy } from "../firewall.ts";
import type { Block, ChainRef, Layout, Scope, Table } from "./rules.ts";

const STAGE_1 = "DOCKER-ISOLATION-STAGE-1";
const STAGE_2 = "DOCKER-ISOLATION-STAGE-2";

const FRAME_CHAINS: readonly ChainRef[] = [
  ...["DOCKER", STAGE_1, STAGE_2, "DOCKER-USER"].map((chain) => ({ table: "filter" as const, chain })),
  { table: "nat", chain: "DOCKER" },
];

const DNS_CHAINS: readonly ChainRef[] = ["DOCKER_OUTPUT", "DOCKER_POSTROUTING"].map((chain) => ({
  table: "nat",
  chain,
}));

const FORWARD: ChainRef = { table: "filter", chain: "FORWARD" };

/** The ruleset whose part the policy is. */
export function scopeOf(policy: Policy): Scope {
  return policy.kind === "bridge"
    ? { namespace: HOST, family: policy.family }
    : { namespace: policy.namespace, family: policy.address.family };
}

/** All that shall be ours in one scope, given its policies: in the host's namespace also the frame that they hang in. */
export function layoutOf(scope: Scope, policies: Iterable<Policy>, dropForwarded: boolean): Layout {
  const all = [...policies];
  if (scope.namespace === HOST)
    return {
      chains: FRAME_CHAINS,
      removableChains: [],
      blocks: [...frame(scope.family), ...all.flatMap(blocksOf)],
      dropPolicies: dropForwarded ? [FORWARD] : [],
    };
  return {
    chains: all.length > 0 ? DNS_CHAINS : [],
    removableChains: DNS_CHAINS,
    blocks: all.flatMap(blocksOf),
    dropPolicies: [],
  };
}

/** What is there before the first network and stays after the last. */
function frame(family: Family): readonly Block[] {
  const block = blockMaker("frame");
  const loopback = family === 4 ? "127.0.0.0/8" : "::1/128";
  return [
    block("filter", "FORWARD", "first", ["-j DOCKER-USER", `-j ${STAGE_1}`]),
    block("filter", STAGE_1, "tail", ["-j RETURN"]),
    block("filter", STAGE_2, "tail", ["-j RETURN"]),
    block("filter", "DOCKER-USER", "tail", ["-j RETURN"]),
    block("nat", "PREROUTING", "tail", ["-m addrtype --dst-type LOCAL -j DOCKER"]),
    block("nat", "OUTPUT", "tail", [`! -d ${loopback} -m addrtype --dst-type LOCAL -j DOCKER`]),
  ];
}

/** The rules of one policy, grouped by chain. */
export function blocksOf(policy: Policy): readonly Block[] {
  if (policy.kind === "dns-redirect") return dnsBlocks(policy);
  return policy.internal ? internalBlocks(policy) : externalBlocks(policy);
}

function externalBlocks(policy: BridgePolicy): readonly Block[] {
  const { bridge } = policy;
  const block = blockMaker(policyKey(policy));
  const subnet = formatPrefix(networkOf(policy.subnet));
  return [
    block("filter", "FORWARD", "head", [
      `-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      `-o ${bridge} -j DOCKER`,
      `-i ${bridge} ! -o ${bridge} -j ACCEPT`,
      betweenContainers(policy),
    ]),
    block("filter", "DOCKER", "tail", [`! -i ${bridge} -o ${bridge} -j DROP`]),
    block("filter", STAGE_1, "head", [`-i ${bridge} ! -o ${bridge} -j ${STAGE_2}`]),
    block("filter", STAGE_2, "head", [`-o ${bridge} -j DROP`]),
    ...(policy.masquerade === "none"
      ? []
      : [
          block("nat", "POSTROUTING", "head", [`-s ${subnet} ! -o ${bridge} -j ${sourceTarget(policy.masquerade)}`]),
          block("nat", "DOCKER", "head", [`-i ${bridge} -j RETURN`]),
        ]),
  ];
}

/** IPv6 neighbour discovery between containers uses addresses outside the subnet, so there only what crosses is dropped. */
function internalBlocks(policy: BridgePolicy): readonly Block[] {
  const { bridge, family } = policy;
  const block = blockMaker(policyKey(policy));
  const subnet = formatPrefix(networkOf(policy.subnet));
  const inbound = family === 4 ? `! -s ${subnet} -o ${bridge}` : `! -s ${subnet} ! -i ${bridge} -o ${bridge}`;
  const outbound = family === 4 ? `! -d ${subnet} -i ${bridge}` : `! -d ${subnet} -i ${bridge} ! -o ${bridge}`;
  return [
    block("filter", "FORWARD", "head", [betweenContainers(policy)]),
    block("filter", STAGE_1, "head", [`${inbound} -j DROP`, `${outbound} -j DROP`]),
  ];
}

function betweenContainers({ bridge, icc }: BridgePolicy): string {
  return `-i ${bridge} -o ${bridge} -j ${icc ? "ACCEPT" : "DROP"}`;
}

function sourceTarget(masquerade: Exclude<BridgePolicy["masquerade"], "none">): string {
  return masquerade === "masquerade" ? "MASQUERADE" : `SNAT --to-source ${formatAddress(masquerade.snat)}`;
}

function dnsBlocks(policy: DnsRedirect): readonly Block[] {
  const block = blockMaker(policyKey(policy));
  const address = formatAddress(policy.address);
  const ports = [
    ["tcp", policy.tcpPort],
    ["udp", policy.udpPort],
  ] as const;
  const to = (protocol: string, port: number): string =>
    `-d ${address}/32 -p ${protocol} -m ${protocol} --dport 53 -j DNAT --to-destination ${address}:${port}`;
  const back = (protocol: string, port: number): string =>
    `-s ${address}/32 -p ${protocol} -m ${protocol} --sport ${port} -j SNAT --to-source :53`;
  return [
    block("nat", "OUTPUT", "head", [`-d ${address}/32 -j DOCKER_OUTPUT`]),
    block("nat", "POSTROUTING", "head", [`-d ${address}/32 -j DOCKER_POSTROUTING`]),
    block(
      "nat",
      "DOCKER_OUTPUT",
      "tail",
      ports.map(([protocol, port]) => to(protocol, port)),
    ),
    block(
      "nat",
      "DOCKER_POSTROUTING",
      "tail",
      ports.map(([protocol, port]) => back(protocol, port)),
    ),
  ];
}

function blockMaker(owner: string) {
  return (table: Table, chain: string, place: Block["place"], texts: readonly string[]): Block => ({
    owner,
    table,
    chain,
    place,
    texts,
  });
}
