/**
 * The shared proxy: takes what arrives at held sockets to containers where the firewall's translation cannot: from the host's
 * ::1, from IPv6 to a container without an IPv6 address, and everywhere when there are no rules. One thread for all ports,
 * with bounded connections, datagram sessions and buffers (docs/decisions/0006-published-ports.md).
 */
import type { Family, IpAddress } from "../../addr/ip-address.ts";
import type { PortProtocol } from "../ports.ts";

/** A held socket. The descriptor stays its holder's: the proxy works on a duplicate. */
export interface Served {
  readonly fd: number;
  readonly protocol: PortProtocol;
  /** Of the address that it is bound to. */
  readonly family: Family;
  /** Absent: nobody is to answer there. */
  readonly target?: { readonly address: IpAddress; readonly port: number };
}

export interface PortProxy extends AsyncDisposable {
  /** From now on until `stop`. What has no target, or is neither TCP nor UDP, is refused with EngineError `internal`. */
  serve(sockets: readonly Served[]): Promise<void>;

  /** Ends the connections that came through these sockets. Accepts what is not served. */
  stop(fds: readonly number[]): Promise<void>;
}
