/**
 * The iptables rules of a bridge network, by gateway mode. Pure.
 *
 * There is no proxy between a container and a published port of its own network, so what dockerd leaves to the proxy is done
 * here: a packet that came back to its bridge by translation is let through, and takes the bridge's address so that the
 * answer passes the host again; a packet that the host sent to 127.0.0.1 takes it too.
 */
import { formatAddress } from "../../addr/ip-address.ts";
import { formatPrefix, networkOf } from "../../addr/prefix.ts";
import { policyKey, type BridgePolicy } from "../firewall.ts";
import { blockMaker, type Block } from "./rules.ts";

export const STAGE_1 = "DOCKER-ISOLATION-STAGE-1";
export const STAGE_2 = "DOCKER-ISOLATION-STAGE-2";

const TRANSLATED = "-m conntrack --ctstate DNAT";

export function bridgeBlocks(policy: BridgePolicy): readonly Block[] {
  return policy.internal ? internalBlocks(policy) : externalBlocks(policy);
}

function externalBlocks(policy: BridgePolicy): readonly Block[] {
  const { bridge, family, gateway } = policy;
  const block = blockMaker(policyKey(policy));
  const unpublished = gateway === "nat-unprotected" ? "ACCEPT" : "DROP";
  return [
    block("filter", "FORWARD", "head", [
      `-o ${bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      `-o ${bridge} -j DOCKER`,
      `! -i ${bridge} -o ${bridge} -j ${unpublished}`,
      `-i ${bridge} ! -o ${bridge} -j ACCEPT`,
      ...(policy.icc || !isTranslated(policy) ? [] : [`-i ${bridge} -o ${bridge} ${TRANSLATED} -j ACCEPT`]),
      betweenContainers(policy),
    ]),
    block("filter", STAGE_1, "head", [`-i ${bridge} ! -o ${bridge} -j ${STAGE_2}`]),
    block("filter", STAGE_2, "head", [`-o ${bridge} -j DOCKER`, `-o ${bridge} -j ${unpublished}`]),
    ...(gateway === "routed"
      ? [block("filter", "DOCKER", "tail", [`-o ${bridge} -p ${family === 4 ? "icmp" : "ipv6-icmp"} -j ACCEPT`])]
      : []),
    block("nat", "POSTROUTING", "head", sourceRules(policy)),
    ...(isTranslated(policy) && family === 4
      ? [block("raw", "PREROUTING", "tail", [`-d 127.0.0.0/8 -i ${bridge} -j DROP`])]
      : []),
  ].filter(({ texts }) => texts.length > 0);
}

/** Whether ports of the host lead to containers of the network. */
function isTranslated({ gateway }: BridgePolicy): boolean {
  return gateway === "nat" || gateway === "nat-unprotected";
}

function sourceRules(policy: BridgePolicy): readonly string[] {
  const { bridge, family, masquerade } = policy;
  const subnet = formatPrefix(networkOf(policy.subnet));
  const outwards = masquerade === "none" ? [] : [`-s ${subnet} ! -o ${bridge} -j ${sourceTarget(masquerade)}`];
  if (!isTranslated(policy)) return outwards;
  return [
    ...outwards,
    `-s ${subnet} -o ${bridge} ${TRANSLATED} -j MASQUERADE`,
    ...(family === 4 ? [`-s 127.0.0.0/8 -o ${bridge} -j MASQUERADE`] : []),
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
