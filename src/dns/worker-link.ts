/**
 * The main thread's line to the dns worker. Requests are answered in order; when the worker dies, a new one is started after
 * a pause that doubles up to five seconds, is told everything anew, and what was still unanswered counts as done, since
 * everything includes it.
 */
import type { Worker } from "node:worker_threads";
import { EngineError, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { DnsCounters } from "./server/counters.ts";
import type { WorkerReport, WorkerRequest } from "./worker-protocol.ts";

type OpenReport = Extract<WorkerReport, { readonly kind: "open" }>;
type Numbered = Extract<WorkerRequest, { readonly sequence: number }>;
export type Request = Numbered extends infer R ? (R extends Numbered ? Omit<R, "sequence"> : never) : never;
type Answer = DnsCounters | undefined;

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5000;
/** A worker that lived this long died of something new: the pause starts over. */
const HEALTHY_MS = 30_000;
const CLOSE_MS = 2000;
/** A worker answers within a millisecond; one that cannot be started, never. */
const ANSWER_MS = 10_000;

export interface WorkerLinkOptions {
  readonly log: Log;
  readonly spawn: () => Worker;
  /** Requests that bring an empty worker to the present state. */
  everything(): readonly Request[];
  /** The worker wants a socket; `reply` is to be called once, and throws when that worker is gone. */
  onOpen(report: OpenReport, reply: (request: WorkerRequest) => void): void;
}

export class WorkerLink implements AsyncDisposable {
  readonly #options: WorkerLinkOptions;
  readonly #unanswered = new Map<number, PromiseWithResolvers<Answer>>();
  #worker: Worker | undefined;
  #restart: NodeJS.Timeout | undefined;
  #pauseMs = FIRST_PAUSE_MS;
  #sequence = 0;
  /** The last request by which the present worker learned everything; older ones are done with it. */
  #everythingTold = 0;
  #closing = false;

  constructor(options: WorkerLinkOptions) {
    this.#options = options;
    this.#start();
  }

  /** Asks the worker; while there is none, resolves once the next one knows everything. Rejects after ten seconds. */
  async request(request: Request): Promise<Answer> {
    if (this.#closing) throw new EngineError("unavailable", "the DNS service is closed");
    const sequence = ++this.#sequence;
    const pending = Promise.withResolvers<Answer>();
    this.#unanswered.set(sequence, pending);
    if (this.#worker !== undefined) post(this.#worker, { ...request, sequence });
    const deadline = setTimeout(() => this.#giveUp(sequence), ANSWER_MS);
    return pending.promise.finally(() => clearTimeout(deadline));
  }

  /** Lets the worker free what it has; after two seconds it is ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#restart);
    const worker = this.#worker;
    if (worker !== undefined) await endWorker(worker);
    this.#settleAll();
  }

  #start(): void {
    const worker = this.#options.spawn();
    const startedAt = performance.now();
    this.#worker = worker;
    // A program may end while its resolver is idle; requests under way keep it alive by their deadlines.
    worker.unref();
    worker.on("message", (report: WorkerReport) => this.#received(worker, report));
    worker.on("error", (cause) => this.#options.log.error({ error: messageOf(cause) }, "the DNS worker failed"));
    worker.once("exit", (code) => this.#exited(worker, code, performance.now() - startedAt));
    this.#tellEverything();
  }

  #tellEverything(): void {
    for (const request of this.#options.everything()) {
      this.request(request).catch((cause: unknown) => {
        this.#options.log.error({ error: messageOf(cause) }, `the DNS worker refused "${request.kind}"`);
      });
    }
    this.#everythingTold = this.#sequence;
  }

  #received(worker: Worker, report: WorkerReport): void {
    if (report.kind === "log") this.#options.log[report.level](report.fields, report.message);
    else if (report.kind === "open") {
      this.#options.onOpen(report, (request) => {
        if (worker !== this.#worker) throw new Error("the DNS worker that asked is gone");
        post(worker, request);
      });
    } else {
      this.#answered(report);
    }
  }

  #answered(report: Extract<WorkerReport, { readonly sequence: number }>): void {
    const pending = this.#unanswered.get(report.sequence);
    this.#unanswered.delete(report.sequence);
    if (report.kind === "done") pending?.resolve(report.counters);
    else pending?.reject(new EngineError("internal", `DNS worker: ${report.reason}`));
    if (report.sequence !== this.#everythingTold) return;
    for (const [sequence, { resolve }] of this.#unanswered) {
      if (sequence > this.#everythingTold) continue;
      this.#unanswered.delete(sequence);
      resolve(undefined);
    }
  }

  #exited(worker: Worker, code: number, livedMs: number): void {
    if (worker !== this.#worker) return;
    this.#worker = undefined;
    if (this.#closing) return;
    if (livedMs > HEALTHY_MS) this.#pauseMs = FIRST_PAUSE_MS;
    this.#options.log.error({ code, restartMs: this.#pauseMs }, "the DNS worker ended; starting another");
    this.#restart = setTimeout(() => this.#start(), this.#pauseMs);
    this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
  }

  #giveUp(sequence: number): void {
    const pending = this.#unanswered.get(sequence);
    this.#unanswered.delete(sequence);
    pending?.reject(new EngineError("unavailable", `the DNS worker did not answer within ${ANSWER_MS / 1000} s`));
  }

  #settleAll(): void {
    for (const { reject } of this.#unanswered.values()) {
      reject(new EngineError("unavailable", "the DNS service is closed"));
    }
    this.#unanswered.clear();
  }
}

function post(worker: Worker, request: WorkerRequest): void {
  worker.postMessage(request, []);
}

async function endWorker(worker: Worker): Promise<void> {
  worker.ref();
  const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  post(worker, { kind: "close" });
  const deadline = setTimeout(() => void worker.terminate(), CLOSE_MS);
  await ended;
  clearTimeout(deadline);
}
