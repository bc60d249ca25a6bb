/**
 * Host ports: which ones are given out, and the real sockets that hold them for as long as they are published, so that no
 * other program of the host can take one and traffic to it never goes two ways.
 *
 * Traffic reaches the container by the firewall's translation and never meets these sockets. What comes to one nevertheless
 * (translation bypassed or not there yet) is dropped unseen; where translation cannot do it, one shared proxy serves the
 * socket instead (docs/decisions/0006-published-ports.md). Rules and texts follow Docker's port allocator (moby
 * `daemon/libnetwork/portallocator`).
 */
import type { IpAddress } from "../addr/ip-address.ts";
import type { PortRange } from "../addr/port-range.ts";

export type PortProtocol = "tcp" | "udp" | "sctp";

/** One port of a container that wants to be reached at ports of the host, the same number at each of the addresses. */
export interface PortWish {
  readonly protocol: PortProtocol;
  /** Where it is to be reached; at least one, at most one per family. */
  readonly places: readonly HostPlace[];
  /** A single port must be that one; a longer range gives its first free one; absent: a free one of the ephemeral range. */
  readonly hostPorts?: PortRange;
  /** For error texts: `172.17.0.2:80`. */
  readonly target: string;
}

export interface HostPlace {
  /** Unspecified: every address of the host, of that family. */
  readonly address: IpAddress;
  /** Where the shared proxy takes what arrives; absent: translation leads it there, and the socket is silent. */
  readonly proxy?: { readonly address: IpAddress; readonly port: number };
}

/** A wish come true; give it back with `release`. */
export interface HeldPort {
  readonly wish: PortWish;
  readonly port: number;
}

/** Ports of the namespace that the kernel thread calls `HOST`. Nothing survives a restart of the process: hold anew. */
export interface HostPorts extends AsyncDisposable {
  /**
   * Holds a port for each wish, in the order of the wishes: all of them or none. Single ports are chosen before the others.
   * Throws EngineError `internal` with Docker's sentences: `Bind for 0.0.0.0:8080 failed: port is already allocated`,
   * `all ports are allocated`, `failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use`.
   */
  hold(wishes: readonly PortWish[]): Promise<readonly HeldPort[]>;

  /** Closes the sockets; open connections through the proxy end. Accepts what was released before. */
  release(held: readonly HeldPort[]): Promise<void>;

  /** Whether the host can be reached at IPv6 addresses at all. */
  hasIPv6(): Promise<boolean>;
}
