/** The intent of a sandbox: that there shall be one, whose it is, and what its files shall say. Immutable, kept in the store. */
import type { ResolverPorts } from "../dns/dns.ts";
import type { PortRequest, SandboxLink, SandboxSpec } from "./cnm.ts";

export interface SandboxPort extends PortRequest {
  readonly chosenPort?: number;
}

export interface SandboxIntent {
  /** 64 hex digits, not the container's. */
  readonly id: string;
  readonly containerId: string;
  readonly createdNs: bigint;
  /** It is the daemon's own namespace: nothing in there is ours to make or remove. */
  readonly hostNamespace: boolean;
  readonly hostname: string;
  readonly domainname?: string;
  readonly filesDirectory: string;
  readonly dns: NonNullable<SandboxSpec["dns"]>;
  readonly extraHosts: NonNullable<SandboxSpec["extraHosts"]>;
  readonly sysctls: Readonly<Record<string, string>>;
  /** What is to be published, and the host port that each has now. */
  readonly ports: readonly SandboxPort[];
  /** Ports that the container says it listens on. */
  readonly exposed?: NonNullable<SandboxSpec["exposed"]>;
  readonly links: readonly SandboxLink[];
  /** Where its resolver listened last; absent while it never had one. */
  readonly resolver?: ResolverPorts;
}
