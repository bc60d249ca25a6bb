/** Kernel facts in words, for logs, and where they live. */
import { formatAddress } from "../addr/ip-address.ts";
import { formatMac } from "../addr/mac-address.ts";
import { formatPrefix } from "../addr/prefix.ts";
import { HOST, type KernelFact, type NamespaceRef } from "../kernel/facts.ts";
import type { Step } from "../kernel/step.ts";

/** "ensure address 172.17.0.1/16 on docker0" */
export function describeStep({ action, fact }: Step): string {
  const place = fact.kind === "namespace" || fact.namespace === HOST ? "" : ` in ${fact.namespace}`;
  return `${action} ${describeFact(fact)}${place}`;
}

function describeFact(fact: KernelFact): string {
  switch (fact.kind) {
    case "namespace":
      return `namespace ${fact.path}`;
    case "link":
      return `link ${fact.name}${fact.master === undefined ? "" : ` in ${fact.master}`}`;
    case "address":
      return `address ${formatPrefix(fact.address)} on ${fact.link}`;
    case "route":
      return `route to ${formatPrefix(fact.destination)} on ${fact.link}`;
    case "neighbour":
      return `neighbour ${formatAddress(fact.address)} on ${fact.link}`;
    case "forwarding":
      return `forwarding entry ${formatMac(fact.mac)} on ${fact.link}`;
    case "sysctl":
      break;
  }
  return `sysctl ${fact.key}=${fact.value}`;
}

/** Every namespace that making the fact hold touches: of a veth pair, both. */
export function namespacesOf(fact: KernelFact): readonly NamespaceRef[] {
  if (fact.kind === "namespace") return [fact.path];
  if (fact.kind !== "link" || fact.device.type !== "veth") return [fact.namespace];
  return [fact.namespace, fact.device.peer.namespace];
}

/** Where one looks to see whether the fact holds. */
export function homeOf(fact: KernelFact): NamespaceRef {
  return fact.kind === "namespace" ? fact.path : fact.namespace;
}
