/**
 * A sandbox's network stack as desired state: its namespace, loopback, default and static routes, `net.*` sysctls, and IPv6
 * switched off on interfaces that have no IPv6 address. Pure: from what is joined to facts, no I/O. The links and addresses
 * themselves are the drivers' (`endpointState`); these facts are what only the whole sandbox can decide.
 *
 * Connect and disconnect are the difference of two calls, so a default route moves because another endpoint became the first
 * in `sortEndpoints`, and for no other reason.
 */
import { EngineError } from "../base/errors.ts";
import { formatAddress, type Family, type IpAddress } from "../addr/ip-address.ts";
import type { Prefix } from "../addr/prefix.ts";
import type { KernelFact, NamespaceRef, RouteFact } from "../kernel/facts.ts";
import { chooseGateways, type GatewayCandidate } from "./gateway.ts";
import { interfaceSysctls, namespaceSysctlKey } from "./sysctls.ts";

/** One joined endpoint, as the sandbox sees it. */
export interface SandboxEndpoint extends GatewayCandidate {
  /** Its interface in the sandbox: "eth0". */
  readonly interfaceName: string;
  /** Its addresses, at most one per family. */
  readonly addresses: readonly Prefix[];
  /** Routes that the network asks for besides the default one (`JoinInfo.routes`). */
  readonly routes: readonly { readonly destination: Prefix; readonly gateway?: IpAddress }[];
  /** Endpoint options; `com.docker.network.endpoint.sysctls` is read here. */
  readonly options: Readonly<Record<string, string>>;
}

export interface SandboxStack {
  /** A namespace of the sandbox's own; a sandbox in the host's namespace has no facts. */
  readonly namespace: NamespaceRef;
  /** In any order. */
  readonly endpoints: readonly SandboxEndpoint[];
  /** `net.*` with dots, as in `docker run --sysctl`. */
  readonly sysctls: Readonly<Record<string, string>>;
}

const DEFAULT_ROUTE: Readonly<Record<Family, Prefix>> = {
  4: { address: { family: 4, value: 0n }, length: 0 },
  6: { address: { family: 6, value: 0n }, length: 0 },
};

/** Everything that the sandbox needs besides its endpoints' own state. Throws `invalid-argument` on a sysctl that is none. */
export function sandboxFacts(sandbox: SandboxStack): readonly KernelFact[] {
  const { namespace, endpoints } = sandbox;
  return [
    { kind: "namespace", path: namespace },
    { kind: "link", namespace, name: "lo", device: { type: "loopback" }, up: true },
    ...Object.entries(sandbox.sysctls).map(([key, value]): KernelFact => ({
      kind: "sysctl",
      namespace,
      key: namespaceSysctlKey(key),
      value,
    })),
    ...endpoints.flatMap((endpoint) => endpointFacts(namespace, endpoint)),
    ...defaultRoutes(namespace, endpoints),
  ];
}

function endpointFacts(namespace: NamespaceRef, endpoint: SandboxEndpoint): KernelFact[] {
  const link = endpoint.interfaceName;
  const hasIPv6 = endpoint.addresses.some((prefix) => prefix.address.family === 6);
  return [
    {
      kind: "sysctl",
      namespace,
      key: `net/ipv6/conf/${link}/disable_ipv6`,
      value: hasIPv6 ? "0" : "1",
    },
    ...interfaceSysctls(endpoint.options, link).map(({ key, value }): KernelFact => ({
      kind: "sysctl",
      namespace,
      key,
      value,
    })),
    ...endpoint.routes.map((route) => staticRoute(namespace, link, route)),
  ];
}

function staticRoute(
  namespace: NamespaceRef,
  link: string,
  { destination, gateway }: SandboxEndpoint["routes"][number],
): RouteFact {
  if (gateway !== undefined && gateway.family !== destination.address.family)
    throw new EngineError("invalid-argument", `route via ${formatAddress(gateway)}: gateway of another address family`);
  return { kind: "route", namespace, destination, link, ...(gateway === undefined ? {} : { gateway }) };
}

function defaultRoutes(namespace: NamespaceRef, endpoints: readonly SandboxEndpoint[]): RouteFact[] {
  return chooseGateways(endpoints).map(({ endpoint, family, gateway }) => ({
    kind: "route",
    namespace,
    destination: DEFAULT_ROUTE[family],
    ...(gateway === undefined ? {} : { gateway }),
    link: endpoint.interfaceName,
  }));
}
