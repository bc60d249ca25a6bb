/**
 * The kernel thread, as everybody above sees it. All system calls (netlink, namespaces, sysctls, sockets opened inside a
 * namespace) happen on one worker thread; a call here is one message to it, however many steps it carries. The thread
 * holds no policy and no memory of what it did: callers hand it steps, made by `plan.ts`, and facts to look at.
 *
 * Kernel moods stay below: interrupted dumps are repeated, EINTR and out-of-step answers never surface. What surfaces is
 * `KernelError` with the operation, the errno's name and the kernel's own text.
 */
import type { IpAddress } from "../addr/ip-address.ts";
import type { MacAddress } from "../addr/mac-address.ts";
import type { FlowPattern } from "./conntrack/flow.ts";
import type { NftChange, NftTable, NftTableName } from "./nftables/ruleset.ts";
import type { Observation } from "./observation.ts";
import type { NamespaceRef } from "./facts.ts";
import type { Step } from "./step.ts";

export interface Kernel extends AsyncDisposable {
  /**
   * Carries out the steps in order, in one go. Stops at the first step that fails and throws its `KernelError`, whose
   * `completed` tells how many steps before it succeeded; undoing them is the caller's plan. Every step is idempotent:
   * `ensure` of what holds and `remove` of what is gone succeed.
   */
  apply(steps: readonly Step[]): Promise<void>;

  /**
   * Carries out removals (and anything else) without stopping; throws one AggregateError of KernelErrors at the end if any
   * step failed. For teardown, where half undone is worse than an error late.
   */
  applyAll(steps: readonly Step[]): Promise<void>;

  /**
   * What the kernel has now in a namespace: links, addresses, routes of the main table, neighbours, VXLAN forwarding
   * entries, and the sysctls asked for by key. Always whole. Throws KernelError ENOENT when there is no such namespace.
   */
  observe(namespace: NamespaceRef, sysctls?: readonly string[]): Promise<Observation>;

  /**
   * Calls `listener` after something of the watched kinds changed in the namespace (links, addresses, routes, neighbours),
   * at most once per 50 ms, until the returned function is called. It says that something changed, never what: look.
   * When a step removes the namespace, the watch speaks once more and ends by itself, as it would keep it alive.
   */
  watch(namespace: NamespaceRef, listener: () => void): Promise<() => Promise<void>>;

  /**
   * Opens sockets inside a namespace and returns their file descriptors, non-blocking and close-on-exec, owned by the
   * caller, in order. TCP and SCTP sockets listen. Port 0 is an ephemeral port; the answer names the port bound. All of them or
   * none: the KernelError's `completed` is how many sockets came before the one that could not be opened.
   */
  openSockets(namespace: NamespaceRef, sockets: readonly SocketRequest[]): Promise<readonly OpenedSocket[]>;

  /**
   * Tells the neighbours of each link, once and unasked, which of its addresses it has: an ARP announcement or an unsolicited
   * neighbour advertisement each. Throws KernelError ENODEV where there is no such link.
   * Equivalent to: `arping -U -c1 -I LINK ADDRESS`, `ndsend ADDRESS LINK`.
   */
  announce(namespace: NamespaceRef, announcements: readonly Announcement[]): Promise<void>;

  /** Reads a sysctl as the namespace sees it, without the trailing newline; undefined when the kernel has none. */
  readSysctl(namespace: NamespaceRef, key: string): Promise<string | undefined>;

  /**
   * Makes the kernel forget the tracked flows that match one of the patterns, so that the next packet of such a flow is
   * translated anew; answers how many there were. Equivalent to: `conntrack -D -p udp --orig-port-dst PORT ...`.
   */
  forgetFlows(namespace: NamespaceRef, patterns: readonly FlowPattern[]): Promise<number>;

  /**
   * Carries out changes of nf_tables in a namespace as one transaction: all or none. Throws KernelError that names the change
   * which the kernel refused. Equivalent to: `nft -f FILE`.
   */
  changeNftables(namespace: NamespaceRef, changes: readonly NftChange[]): Promise<void>;

  /**
   * What nf_tables has of one table in a namespace: undefined when there is no such table. Sets, instructions and elements of
   * kinds that `nftables/ruleset.ts` does not know are left out or `unknown`. Equivalent to: `nft list table ip NAME`.
   */
  readNftables(namespace: NamespaceRef, name: NftTableName): Promise<NftTable | undefined>;

  /** Whether packet filter rules of the namespace changed since another call, whoever changed them. Cheap. */
  filterGeneration(namespace: NamespaceRef): Promise<FilterGeneration>;

  /**
   * Runs a program inside the namespace to its end, at most `timeoutMs` (10 s), and returns what it printed. For the few
   * things that only a program does, such as iptables-restore. A program that cannot start or times out throws.
   */
  run(namespace: NamespaceRef, command: readonly string[], options?: RunOptions): Promise<RunResult>;
}

/** Where addresses are now. */
export interface Announcement {
  readonly link: string;
  /** The link's. */
  readonly mac: MacAddress;
  readonly addresses: readonly IpAddress[];
}

export interface SocketRequest {
  readonly transport: "udp" | "tcp" | "sctp";
  /** Textual address to bind; connected or unbound sockets are opened with `bind` left out. */
  readonly bind?: {
    readonly address: string;
    readonly port: number;
    /** A socket for each port from `port` to this one. */
    readonly lastPort?: number;
  };
  readonly family: 4 | 6;
  /** It holds its port and never answers: whatever comes to it is dropped unseen. */
  readonly silent?: boolean;
}

export interface OpenedSocket {
  readonly fd: number;
  /** Port bound, 0 when unbound. */
  readonly port: number;
}

export interface FilterGeneration {
  /** Another one: something changed. */
  readonly id: string;
  /** False where there are tables of iptables' legacy variant, of which only changes of size show. */
  readonly exact: boolean;
}

export interface RunOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
}

export interface RunResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}
