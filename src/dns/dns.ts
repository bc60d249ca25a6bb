/**
 * The resolver that every sandbox on a user-defined network has at 127.0.0.11. One worker thread serves all sandboxes from
 * an immutable snapshot, changed by small differences; it never reads the store and never asks the main thread.
 *
 * A sandbox sees the names of the networks that it is on and no others; an unknown name is forwarded to its upstreams, and
 * answered SERVFAIL where there is nobody to ask or nobody answers, as Docker does.
 */
import type { IpAddress } from "../addr/ip-address.ts";
import type { NamespaceRef } from "../kernel/facts.ts";

export interface DnsService extends AsyncDisposable {
  /** Changes the snapshot; all of them between two answers. Resolves once the worker answers from the new one. */
  change(changes: readonly DnsChange[]): Promise<void>;

  /**
   * Starts serving a sandbox: binds 127.0.0.11, or the address that the sandbox says, inside its namespace and returns the ports; the caller redirects port 53 to
   * them (firewall `DnsRedirect`). Ports are the preferred ones where they are free, so that after a restart the redirect of
   * before still holds, else ephemeral. The sandbox must be known by a `sandbox` change first.
   */
  serve(sandboxId: string, namespace: NamespaceRef, preferred?: ResolverPorts): Promise<ResolverPorts>;

  /** Stops serving and closes its sockets. Accepts absence. */
  stop(sandboxId: string): Promise<void>;
}

/** Where a sandbox's resolver really listens on its address, in its namespace. */
export interface ResolverPorts {
  readonly udpPort: number;
  readonly tcpPort: number;
}

export type DnsChange =
  | { readonly put: "network"; readonly network: DnsNetwork }
  | { readonly remove: "network"; readonly id: string }
  | { readonly put: "endpoint"; readonly endpoint: DnsEndpoint }
  | { readonly remove: "endpoint"; readonly id: string }
  | { readonly put: "sandbox"; readonly sandbox: DnsSandbox }
  | { readonly remove: "sandbox"; readonly id: string };

export interface DnsNetwork {
  readonly id: string;
  readonly name: string;
}

/** One endpoint's names on its network; several endpoints may share a name, then all addresses answer, shuffled. */
export interface DnsEndpoint {
  readonly id: string;
  readonly networkId: string;
  /** Container name, aliases, short id, hostname; the first is also what PTR answers (`name.network`). */
  readonly names: readonly string[];
  readonly addresses: readonly IpAddress[];
}

export interface DnsSandbox {
  readonly id: string;
  /** The networks it is on, in gateway order: the first that knows a name wins. */
  readonly networkIds: readonly string[];
  /** Names of links and `--link` aliases that only this sandbox knows: alias to endpoint name, per network id. */
  readonly privateAliases: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Whom to ask for other names, in order; at most three are used. */
  readonly upstreams: readonly DnsUpstream[];
  /** False: every network it is on is internal; names are not forwarded to servers reached through the host. */
  readonly external: boolean;
  /** With `ndots` set by the user, a single-label A or AAAA query is answered empty instead of forwarded. */
  readonly ndotsSet: boolean;
  /** Where its resolver is, of the sandbox's loopback addresses; 127.0.0.11 when left out. */
  readonly address?: IpAddress;
}

export interface DnsUpstream {
  readonly address: IpAddress;
  /** UDP and TCP port, 53. */
  readonly port: number;
  /** Asked from the host's namespace (servers of the host's resolv.conf) or from inside the sandbox (`--dns`). */
  readonly from: "host" | "sandbox";
}
