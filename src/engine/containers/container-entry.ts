/**
 * A container in memory: its stored record, and what only a running engine knows of it: its output hub, its open streams and
 * log, who waits for its end. One per container, made and dropped by the registry.
 */
import { join } from "node:path";
import { shortId } from "../../base/ids.ts";
import type { Container } from "../container.ts";
import type { JsonLog } from "../streams/json-log.ts";
import { OutputHub } from "../streams/output-hub.ts";
import type { ProcessStreams } from "../streams/process-streams.ts";
import type { ContainerRecord } from "./container-record.ts";

export interface ExitResult {
  readonly exitCode: number;
}

/** What belongs to one run of the container's process. */
export interface Run {
  readonly streams: ProcessStreams;
  readonly log: JsonLog;
  /** Settles when the process is no more, or the engine has closed. */
  readonly gone: Promise<void>;
  /** Settles when the run's end has been dealt with completely. */
  readonly finished: Promise<void>;
  /** The kernel killed something in the container for want of memory. */
  oomKilled: boolean;
  /** Somebody asked for the end: no restart. */
  stopRequested: boolean;
}

type Waiter = (result: ExitResult) => void;

export class ContainerEntry {
  record: ContainerRecord;
  run: Run | undefined;
  restartTimer: NodeJS.Timeout | undefined;
  readonly hub = new OutputHub();
  readonly directory: string;
  readonly execIds = new Set<string>();
  readonly #exitWaiters = new Set<Waiter>();
  readonly #removalWaiters = new Set<Waiter>();
  readonly #startListeners: (() => void)[] = [];

  constructor(record: ContainerRecord, dataRoot: string) {
    this.record = record;
    this.directory = join(dataRoot, "containers", record.id);
  }

  get id(): string {
    return this.record.id;
  }

  get name(): string {
    return this.record.name;
  }

  get shortId(): string {
    return shortId(this.record.id);
  }

  get logPath(): string {
    return join(this.directory, `${this.record.id}-json.log`);
  }

  /** It has a process, perhaps a frozen one. */
  get running(): boolean {
    return this.record.state.status === "running" || this.record.state.status === "paused";
  }

  view(): Container {
    const { inherited: _inherited, manuallyStopped: _manuallyStopped, ...record } = this.record;
    return { ...record, directory: this.directory, logPath: this.logPath, execIds: [...this.execIds] };
  }

  /** The result of the last run, for whoever asks after it. */
  lastResult(): ExitResult {
    // Without the reason of a failed start: who asked for the start has it, and the CLI would print it twice.
    const { state } = this.record;
    return { exitCode: "exitCode" in state ? state.exitCode : 0 };
  }

  /** Calls back when the next run begins, or when there will be none. */
  onceStarted(listener: () => void): void {
    this.#startListeners.push(listener);
  }

  tellStart(): void {
    for (const listener of this.#startListeners.splice(0)) listener();
  }

  async nextExit(signal?: AbortSignal): Promise<ExitResult> {
    return waitAmong(this.#exitWaiters, signal);
  }

  async removal(signal?: AbortSignal): Promise<ExitResult> {
    return waitAmong(this.#removalWaiters, signal);
  }

  /** How many wait for its end or its removal. */
  get waiters(): number {
    return this.#exitWaiters.size + this.#removalWaiters.size;
  }

  tellExit(result: ExitResult): void {
    settle(this.#exitWaiters, result);
  }

  /** Nothing more will happen to it. */
  tellRemoval(result: ExitResult): void {
    settle(this.#exitWaiters, result);
    settle(this.#removalWaiters, result);
    this.tellStart();
  }
}

/** Throws the reason of `signal` when that aborts before the wait is over; the waiter is then forgotten. */
async function waitAmong(waiters: Set<Waiter>, signal: AbortSignal | undefined): Promise<ExitResult> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<ExitResult>();
  const leave = (): void => {
    waiters.delete(resolve);
    reject(signal?.reason);
  };
  signal?.addEventListener("abort", leave, { once: true });
  waiters.add(resolve);
  try {
    return await promise;
  } finally {
    signal?.removeEventListener("abort", leave);
  }
}

function settle(waiters: Set<Waiter>, result: ExitResult): void {
  const all = [...waiters];
  waiters.clear();
  for (const resolve of all) resolve(result);
}
