/** Desired state as text, a line per thing, for the golden files: what a reader would look for in `ip` and `iptables-save`. */
import { formatAddress } from "../addr/ip-address.ts";
import { formatMac } from "../addr/mac-address.ts";
import { formatPrefix } from "../addr/prefix.ts";
import { blocksOf, scopeOf } from "../firewall/iptables/render.ts";
import type { Policy } from "../firewall/firewall.ts";
import type { Device, KernelFact } from "../kernel/facts.ts";
import type { DesiredState, JoinInfo } from "./driver.ts";

export function describeState({ facts, policies }: DesiredState): string[] {
  return [...facts.map(describeFact), ...policies.flatMap(describePolicy)];
}

export function describeJoin({ interfacePrefix, gateways, routes, wantsGatewayNetwork }: JoinInfo): string {
  const offers = gateways.length === 0 ? "none" : gateways.map(formatAddress).join(" ");
  const ways = routes.map(
    ({ destination, gateway }) =>
      `, ${formatPrefix(destination)} via ${gateway === undefined ? "its link" : formatAddress(gateway)}`,
  );
  const wish = wantsGatewayNetwork === true ? ", wants the gateway network" : "";
  return `join: interfaces ${interfacePrefix}N, gateways ${offers}, ${routes.length} static routes${ways.join("")}${wish}`;
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
      return `namespace ${fact.path}`;
    case "neighbour":
      return `neighbour ${formatAddress(fact.address)} is ${formatMac(fact.mac)} on ${fact.link} in ${fact.namespace}`;
    case "forwarding":
      return `forwarding ${formatMac(fact.mac)} to ${formatAddress(fact.destination)} on ${fact.link} in ${fact.namespace}`;
    case "route":
      throw new Error("routes are the sandbox's");
  }
}

function describeLink(fact: Extract<KernelFact, { kind: "link" }>): string {
  const { device } = fact;
  return (
    `${device.type}${describeDevice(device)};${describeAttributes(fact)}${fact.master === undefined ? "" : ` master ${fact.master}`}` +
    `${fact.hairpin === true ? " hairpin" : ""}${fact.adopt === true ? " adopt" : ""} alias ${fact.alias ?? "-"}`
  );
}

function describeDevice(device: Device): string {
  if (device.type === "veth")
    return ` to ${device.peer.name} in ${device.peer.namespace}${describeAttributes(device.peer)}`;
  if (device.type !== "vxlan") return "";
  const flags = `${device.learning ? "" : " nolearning"}${device.proxy === true ? " proxy" : ""}`;
  const local = device.local === undefined ? "" : ` local ${formatAddress(device.local)}`;
  return ` ${device.vni} port ${device.port}${local}${flags}, socket in ${device.underlay ?? "its own"}`;
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
