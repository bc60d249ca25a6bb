/**
 * The kernel thread from outside: `openKernelThread` starts it, every method of `Kernel` is one message to it and one back.
 * The process may end while a kernel is open and idle: only calls under way keep it alive.
 */
import { SHARE_ENV, Worker } from "node:worker_threads";
import type { FlowPattern } from "./conntrack/flow.ts";
import type { NamespaceRef } from "./facts.ts";
import { KernelError } from "./kernel-error.ts";
import type {
  Announcement,
  FilterGeneration,
  Kernel,
  OpenedSocket,
  RunOptions,
  RunResult,
  SocketRequest,
} from "./kernel.ts";
import { encodeBatch, refusalError } from "./nftables/batch.ts";
import type { NftChange, NftTable, NftTableName } from "./nftables/ruleset.ts";
import type { Observation } from "./observation.ts";
import type { CallName, Calls, WorkerMessage } from "./protocol.ts";
import type { Step } from "./step.ts";

/** Starts the thread in the network namespace that the process is in. Needs CAP_NET_ADMIN and CAP_SYS_ADMIN. */
export async function openKernelThread(): Promise<Kernel> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  const thread = new KernelThread(
    new Worker(new URL(`./worker.${extension}`, import.meta.url), { name: "kernel", env: SHARE_ENV, execArgv: [] }),
  );
  await thread.ready();
  return thread;
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

class KernelThread implements Kernel {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Map<number, () => void>();
  #lastId = 0;
  /** Why no more calls can be made; undefined while they can. */
  #ended: string | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#exited = promise;
    worker.on("message", (message: WorkerMessage) => this.#receive(message));
    worker.on("error", (cause: unknown) => this.#end(`it failed: ${String(cause)}`));
    worker.on("exit", () => {
      this.#end("it has ended");
      resolve();
    });
  }

  /** Resolves when the thread answers. */
  async ready(): Promise<void> {
    await this.#call("unwatch", 0);
  }

  apply(steps: readonly Step[]): Promise<void> {
    return this.#call("apply", steps);
  }

  async applyAll(steps: readonly Step[]): Promise<void> {
    const failures = await this.#call("applyAll", steps);
    const errors = failures.map((failure) => new KernelError(failure));
    if (errors.length > 0) throw new AggregateError(errors, errors.map((error) => error.message).join("; "));
  }

  observe(namespace: NamespaceRef, sysctls: readonly string[] = []): Promise<Observation> {
    return this.#call("observe", namespace, sysctls);
  }

  async watch(namespace: NamespaceRef, listener: () => void): Promise<() => Promise<void>> {
    const id = ++this.#lastId;
    this.#listeners.set(id, listener);
    try {
      await this.#call("watch", namespace, id);
    } catch (cause) {
      this.#listeners.delete(id);
      throw cause;
    }
    return async () => {
      if (this.#listeners.delete(id) && this.#ended === undefined) await this.#call("unwatch", id);
    };
  }

  openSockets(namespace: NamespaceRef, sockets: readonly SocketRequest[]): Promise<readonly OpenedSocket[]> {
    return this.#call("openSockets", namespace, sockets);
  }

  readSysctl(namespace: NamespaceRef, key: string): Promise<string | undefined> {
    return this.#call("readSysctl", namespace, key);
  }

  announce(namespace: NamespaceRef, announcements: readonly Announcement[]): Promise<void> {
    return this.#call("announce", namespace, announcements);
  }

  forgetFlows(namespace: NamespaceRef, patterns: readonly FlowPattern[]): Promise<number> {
    return this.#call("forgetFlows", namespace, patterns);
  }

  async changeNftables(namespace: NamespaceRef, changes: readonly NftChange[]): Promise<void> {
    const batch = encodeBatch(changes);
    if (batch.last === 0) return;
    const refusal = await this.#call("changeNftables", namespace, batch.datagram, batch.last);
    if (refusal !== undefined) throw refusalError(batch, refusal);
  }

  readNftables(namespace: NamespaceRef, name: NftTableName): Promise<NftTable | undefined> {
    return this.#call("readNftables", namespace, name);
  }

  filterGeneration(namespace: NamespaceRef): Promise<FilterGeneration> {
    return this.#call("filterGeneration", namespace);
  }

  run(namespace: NamespaceRef, command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.#call("run", namespace, command, options);
  }

  /** Waits for what was asked before, then ends the thread. Closing twice is no error. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended === undefined) {
      const closing = this.#call("close");
      this.#ended = "it is closed";
      await closing;
      this.#worker.ref();
    }
    await this.#exited;
  }

  #call<Name extends CallName>(call: Name, ...parameters: Parameters<Calls[Name]>): Promise<Result<Name>> {
    if (this.#ended !== undefined) return Promise.reject(threadError(this.#ended));
    const id = ++this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { resolve, reject });
    this.#worker.ref();
    this.#worker.postMessage({ id, call, parameters });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the worker's table of calls has the types of `Calls`
    return promise as Promise<Result<Name>>;
  }

  #receive(message: WorkerMessage): void {
    switch (message.kind) {
      case "result":
        this.#take(message.id)?.resolve(message.value);
        break;
      case "failure":
        this.#take(message.id)?.reject(new KernelError(message.failure));
        break;
      case "changed":
        this.#listeners.get(message.watch)?.();
        break;
      case "abandoned":
        this.#end(message.reason);
        break;
    }
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#worker.unref();
    return pending;
  }

  #end(reason: string): void {
    this.#ended ??= reason;
    for (const { reject } of this.#pending.values()) reject(threadError(this.#ended));
    this.#pending.clear();
    this.#listeners.clear();
  }
}

type Result<Name extends CallName> = Awaited<ReturnType<Calls[Name]>>;

function threadError(reason: string): KernelError {
  return new KernelError({ operation: "use the kernel thread", errno: 0, detail: reason });
}
