/**
 * What passes between `thread.ts` (any thread) and `worker.ts` (the kernel thread): requests with a number, one reply to
 * each, and news of watches. All of it is plain data.
 */
import type { FlowPattern } from "./conntrack/flow.ts";
import type { NamespaceRef } from "./facts.ts";
import type { Announcement, FilterGeneration, OpenedSocket, RunOptions, RunResult, SocketRequest } from "./kernel.ts";
import type { KernelFailure } from "./kernel-error.ts";
import type { BatchRefusal } from "./nftables/batch.ts";
import type { NftTable, NftTableName } from "./nftables/ruleset.ts";
import type { Observation } from "./observation.ts";
import type { Step } from "./step.ts";

/** What can be asked, and what each answers. */
export interface Calls {
  apply(steps: readonly Step[]): void;
  /** The failures, if any. */
  applyAll(steps: readonly Step[]): readonly KernelFailure[];
  observe(namespace: NamespaceRef, sysctls: readonly string[]): Observation;
  /** The caller chooses the watch's number. */
  watch(namespace: NamespaceRef, watch: number): void;
  unwatch(watch: number): void;
  openSockets(namespace: NamespaceRef, sockets: readonly SocketRequest[]): readonly OpenedSocket[];
  readSysctl(namespace: NamespaceRef, key: string): string | undefined;
  announce(namespace: NamespaceRef, announcements: readonly Announcement[]): void;
  forgetFlows(namespace: NamespaceRef, patterns: readonly FlowPattern[]): number;
  changeNftables(namespace: NamespaceRef, datagram: Uint8Array, last: number): BatchRefusal | undefined;
  readNftables(namespace: NamespaceRef, name: NftTableName): NftTable | undefined;
  filterGeneration(namespace: NamespaceRef): FilterGeneration;
  run(namespace: NamespaceRef, command: readonly string[], options: RunOptions): Promise<RunResult>;
  /** Waits for programs that run, closes everything; the thread ends by itself then. */
  close(): Promise<void>;
}

export type CallName = keyof Calls;

/** One call and its parameters. */
export type KernelRequest<Name extends CallName = CallName> = {
  readonly [N in Name]: { readonly id: number; readonly call: N; readonly parameters: Parameters<Calls[N]> };
}[Name];

export type WorkerMessage =
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly failure: KernelFailure }
  | { readonly kind: "changed"; readonly watch: number }
  /** The thread could not return to the daemon's namespace and ends. */
  | { readonly kind: "abandoned"; readonly reason: string };
