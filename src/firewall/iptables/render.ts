/**
 * Policies to iptables rules. Pure. The layout is the classic one of libnetwork (`drivers/bridge/setup_ip_tables.go`), which
 * scripts and people know from `iptables-save`, plus what Docker added in version 28: a container's port that was not
 * published is not reachable by routing to its address either.
 *
 *     FORWARD --> DOCKER-USER                 the user's rules, before any of ours
 *             --> DOCKER-ISOLATION-STAGE-1 --> STAGE-2   between networks: what is not published is dropped
 *             (per bridge)  -o BR established: accept;  -o BR: DOCKER;  from outside: drop;
 *                           from BR outwards: accept;  BR to BR: accept or drop
 *     DOCKER      published and linked ports: accept, appended, so that what users insert is asked first
 *
 * In nat, DOCKER translates destinations; in raw, PREROUTING drops what addresses a container directly. The rules of a
 * network are in `bridge-rules.ts`, those of endpoints and their ports in `port-rules.ts`.
 */
import { formatAddress, type Family } from "../../addr/ip-address.ts";
import { HOST } from "../../kernel/facts.ts";
import { policyKey, type DnsRedirect, type Policy } from "../firewall.ts";
import { bridgeBlocks, STAGE_1, STAGE_2 } from "./bridge-rules.ts";
import { guardBlocks, linkBlocks, publishedBlocks } from "./port-rules.ts";
import {
  blockMaker,
  MODERN,
  ruleKey,
  type Block,
  type ChainRef,
  type Dialect,
  type Layout,
  type Scope,
} from "./rules.ts";

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
  return policy.kind === "dns-redirect"
    ? { namespace: policy.namespace, family: policy.address.family }
    : { namespace: HOST, family: policy.family };
}

export interface LayoutOptions {
  /** Whether FORWARD shall drop what nobody accepted. */
  readonly dropForwarded?: boolean;
  readonly dialect?: Dialect;
  /** Whether others than the given policies need the rule (`ruleKey`), so that it is not theirs to make or to remove. */
  readonly elsewhere?: (key: string) => boolean;
}

/** All that shall be ours in one scope, given its policies: in the host's namespace also the frame that they hang in. */
export function layoutOf(scope: Scope, policies: Iterable<Policy>, options: LayoutOptions = {}): Layout {
  const blocks = [...policies].flatMap((policy) => blocksOf(policy, options.dialect));
  if (scope.namespace === HOST)
    return {
      chains: FRAME_CHAINS,
      removableChains: [],
      blocks: [...frame(scope.family), ...withoutRepeats(blocks, options.elsewhere)],
      dropPolicies: options.dropForwarded === true ? [FORWARD] : [],
    };
  return {
    chains: blocks.length > 0 ? DNS_CHAINS : [],
    removableChains: DNS_CHAINS,
    blocks,
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
    block("filter", STAGE_2, "first", ["-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"]),
    block("filter", "DOCKER-USER", "tail", ["-j RETURN"]),
    block("nat", "PREROUTING", "tail", ["-m addrtype --dst-type LOCAL -j DOCKER"]),
    block("nat", "OUTPUT", "tail", [
      `! -d ${loopback} -m addrtype --dst-type LOCAL -j DOCKER`,
      ...(family === 4 ? [`-d ${loopback} -j DOCKER`] : []),
    ]),
  ];
}

/** The rules of one policy, grouped by chain. */
export function blocksOf(policy: Policy, dialect: Dialect = MODERN): readonly Block[] {
  switch (policy.kind) {
    case "bridge":
      return bridgeBlocks(policy);
    case "endpoint-guard":
      return guardBlocks(policy);
    case "published-ports":
      return publishedBlocks(policy, dialect);
    case "linked-port":
      return linkBlocks(policy);
    case "dns-redirect":
      return dnsBlocks(policy);
  }
}

/** Two host ports that lead to one container port need the same rule behind the translation: the first owner has it. */
function withoutRepeats(blocks: readonly Block[], elsewhere: (key: string) => boolean = () => false): readonly Block[] {
  const seen = new Set<string>();
  return blocks.flatMap((block) => {
    const keyOf = (text: string): string => ruleKey({ table: block.table, chain: block.chain, text });
    const texts = block.texts.filter((text) => !seen.has(keyOf(text)) && !elsewhere(keyOf(text)));
    for (const text of texts) seen.add(keyOf(text));
    if (texts.length === block.texts.length) return [block];
    return texts.length === 0 ? [] : [{ ...block, texts }];
  });
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
