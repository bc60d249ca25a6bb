/** Desired state as text, a line per thing, for the golden files: what a reader would look for in `ip` and `iptables-save`. */
import { formatAddress } from "../../addr/ip-address.ts";
import { formatMac } from "../../addr/mac-address.ts";
import { formatPrefix } from "../../addr/prefix.ts";
import { blocksOf, scopeOf } from "../../firewall/iptables/render.ts";
import type { Policy } from "../../firewall/firewall.ts";
import type { KernelFact } from "../../kernel/facts.ts";
import type { DesiredState, JoinInfo } from "../driver.ts";

export function describeState({ facts, policies }: DesiredState): string[] {
  return [...facts.map(describeFact), ...policies.flatMap(describePolicy)];
}

export function describeJoin({ interfacePrefix, gateways, routes }: JoinInfo): string {
  const offers = gateways.length === 0 ? "none" : gateways.map(formatAddress).join(" ");
  return `join: interfaces ${interfacePrefix}N, gateways ${offers}, ${routes.length} static routes`;
}

function describeFact(fact: KernelFact): string {
  switch (fact.kind) {
    case "link":
      return `link ${fact.name} in ${fact.namespace}: ${describeLink(fact)}`;
    case "address":
      return `address ${formatPrefix(fact.address)} on ${fact.link} in ${fact.namespace}${fact.stays === true ? ", stays" : ""}`;
    case "sysctl":
      return `sysctl ${fact.key}=${fact.value} in ${fact.namespace}`;
    case "namespace":
    case "route":
    case "neighbour":
    case "forwarding":
      throw new Error(`bridge networks need no ${fact.kind}`);
  }
}

function describeLink(fact: Extract<KernelFact, { kind: "link" }>): string {
  const { device } = fact;
  const peer =
    device.type === "veth"
      ? ` to ${device.peer.name} in ${device.peer.namespace}${describeAttributes(device.peer)}`
      : "";
  return (
    `${device.type}${peer};${describeAttributes(fact)}${fact.master === undefined ? "" : ` master ${fact.master}`}` +
    `${fact.hairpin === true ? " hairpin" : ""}${fact.adopt === true ? " adopt" : ""} alias ${fact.alias ?? "-"}`
  );
}

function describeAttributes(end: Pick<Extract<KernelFact, { kind: "link" }>, "mac" | "mtu" | "up">): string {
  const mac = end.mac === undefined ? "" : ` mac ${formatMac(end.mac)}`;
  return `${mac}${end.mtu === undefined ? "" : ` mtu ${end.mtu}`}${end.up ? " up" : " down"}`;
}

function describePolicy(policy: Policy): string[] {
  const program = scopeOf(policy).family === 4 ? "iptables" : "ip6tables";
  return blocksOf(policy).flatMap(({ table, chain, texts }) =>
    texts.map((text) => `${program} -t ${table} -A ${chain} ${text}`),
  );
}
