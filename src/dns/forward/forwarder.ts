/**
 * Asks a sandbox's upstreams for what the snapshot does not know. Servers are asked in order over the client's transport; the
 * next one is asked as soon as one fails (SERVFAIL, REFUSED, unreachable), or has not answered for about a second; the
 * earlier one may still win. The client hears something before its own five seconds are over. Any other answer, NXDOMAIN
 * included, is final, and is given again to who asks the same while its records live. Ids are random, and every query has a
 * socket and so a source port of its own.
 */
import { RCODE } from "../message/codes.ts";
import { decodeResponse, type Response } from "../message/response.ts";
import type { ForwardOutcome, ForwardRequest } from "../server/request.ts";
import type { DnsUpstream } from "../dns.ts";
import type { AnswerCache } from "./answer-cache.ts";
import type { Exchange } from "./exchange.ts";
import { FairQueue, type FairQueueLimits } from "./fair-queue.ts";
import type { ServerHealth } from "./server-health.ts";

/** Docker keeps 1,024 queries of one sandbox under way and lets each have so many; the total bounds our descriptors. */
export const FORWARD_LIMITS: FairQueueLimits = { total: 4096, waiting: 1024 };

/**
 * How long a client waits in all, from when its query came: less than the 5 s of resolv.conf(5). A name without a dot is
 * known to a server nearby or to nobody, and a server that was silent lately will most likely be silent again.
 */
const DEADLINE_MS = 4500;
const SHORT_NAME_DEADLINE_MS = 1500;
const SUSPECT_DEADLINE_MS = 1000;
const SUSPECT_SHORT_NAME_DEADLINE_MS = 500;
/** The part of the client's wait that a server has before the next one is asked too. */
const HEDGE_SHARE = 1 / 4;

export interface ForwarderParts {
  readonly exchange: Exchange;
  readonly health: ServerHealth;
  readonly cache: AnswerCache;
  /** The servers of a sandbox at this moment, at most three. */
  upstreams(sandboxId: string): readonly DnsUpstream[];
  /** An answer without error, before it goes to the client. */
  onAnswer(sandboxId: string, message: Uint8Array, response: Response): void;
  /** A number from 0 to 65,535 that nobody can foretell. */
  randomId(): number;
  readonly limits?: FairQueueLimits;
}

export class Forwarder {
  readonly #parts: ForwarderParts;
  readonly #queue: FairQueue<Job>;
  readonly #jobs = new Map<string, Set<Job>>();

  constructor(parts: ForwarderParts) {
    this.#parts = parts;
    this.#queue = new FairQueue(parts.limits ?? FORWARD_LIMITS, (job: Job) => job.start());
  }

  /** Answers the request, later and once; at once from the cache, or with REFUSED when its sandbox has too many under way. */
  forward(request: ForwardRequest): void {
    const { sandboxId } = request;
    if (this.#answerFromCache(request)) return;
    const job = new Job(request, this.#parts, (outcome) => {
      this.#jobs.get(sandboxId)?.delete(job);
      if (!this.#queue.withdraw(sandboxId, job)) this.#queue.finished(sandboxId);
      request.respond(outcome);
    });
    if (!this.#queue.offer(sandboxId, job)) {
      job.cancel();
      request.respond({ kind: "failure", rcode: RCODE.REFUSED });
      return;
    }
    if (job.over) return;
    const jobs = this.#jobs.get(sandboxId) ?? new Set();
    this.#jobs.set(sandboxId, jobs.add(job));
  }

  #answerFromCache(request: ForwardRequest): boolean {
    const { sandboxId } = request;
    const found = this.#parts.cache.find({ ...request, upstreams: this.#parts.upstreams(sandboxId) });
    if (found === undefined) return false;
    const { message, response } = found;
    if (response.rcode === RCODE.NOERROR) this.#parts.onAnswer(sandboxId, message, response);
    request.respond({ kind: "answer", message, questionEnd: response.questionEnd });
    return true;
  }

  /** Forgets what a sandbox asked; nobody is answered. */
  drop(sandboxId: string): void {
    for (const job of this.#jobs.get(sandboxId) ?? []) {
      job.cancel();
      if (!this.#queue.withdraw(sandboxId, job)) this.#queue.finished(sandboxId);
    }
    this.#jobs.delete(sandboxId);
  }
}

/** One server being asked. */
interface Attempt {
  readonly upstream: DnsUpstream;
  cancel: () => void;
}

/** One query of one client. */
class Job {
  readonly #request: ForwardRequest;
  readonly #parts: ForwarderParts;
  readonly #finish: (outcome: ForwardOutcome) => void;
  readonly #attempts = new Set<Attempt>();
  #servers: DnsUpstream[] = [];
  /** All that were to be asked when it started, in the sandbox's order. */
  #upstreams: readonly DnsUpstream[] = [];
  readonly #endsAt: number;
  #deadline: NodeJS.Timeout;
  #hedgeMs = DEADLINE_MS * HEDGE_SHARE;
  #hedge: NodeJS.Timeout | undefined;
  over = false;

  constructor(request: ForwardRequest, parts: ForwarderParts, finish: (outcome: ForwardOutcome) => void) {
    this.#request = request;
    this.#parts = parts;
    this.#finish = finish;
    this.#deadline = setTimeout(() => this.#timedOut(), DEADLINE_MS);
    this.#endsAt = Date.now() + DEADLINE_MS;
  }

  start(): void {
    const { sandboxId, query } = this.#request;
    const suspect = (server: DnsUpstream): boolean => this.#parts.health.suspect(server, sandboxId);
    const servers = this.#parts.upstreams(sandboxId);
    this.#upstreams = servers;
    const trusted = servers.filter((server) => !suspect(server));
    this.#servers = [...trusted, ...servers.filter(suspect)];
    const short = !query.name.includes(".");
    if (trusted.length === 0) this.#shorten(short ? SUSPECT_SHORT_NAME_DEADLINE_MS : SUSPECT_DEADLINE_MS);
    else if (short) this.#shorten(SHORT_NAME_DEADLINE_MS);
    // A lone server is asked twice: a datagram may get lost.
    const [only] = this.#servers;
    if (this.#servers.length === 1 && only !== undefined && this.#request.transport === "udp") this.#servers.push(only);
    this.#askNext();
  }

  cancel(): void {
    this.over = true;
    clearTimeout(this.#deadline);
    clearTimeout(this.#hedge);
    for (const attempt of this.#attempts) attempt.cancel();
    this.#attempts.clear();
  }

  /** Waits at most so long from now, and never longer than from the start it would have. */
  #shorten(deadlineMs: number): void {
    clearTimeout(this.#deadline);
    const leftMs = Math.max(0, Math.min(deadlineMs, this.#endsAt - Date.now()));
    this.#deadline = setTimeout(() => this.#timedOut(), leftMs);
    this.#hedgeMs = deadlineMs * HEDGE_SHARE;
  }

  #askNext(): void {
    clearTimeout(this.#hedge);
    const server = this.#servers.shift();
    if (server === undefined) {
      if (this.#attempts.size === 0) this.#end({ kind: "failure", rcode: RCODE.SERVFAIL });
      return;
    }
    this.#hedge = setTimeout(() => this.#askNext(), this.#hedgeMs);
    this.#ask(server);
  }

  #ask(upstream: DnsUpstream): void {
    const { sandboxId, transport } = this.#request;
    const id = this.#parts.randomId();
    const attempt: Attempt = { upstream, cancel: () => undefined };
    this.#attempts.add(attempt);
    const cancel = this.#parts.exchange.start({
      upstream,
      sandboxId,
      transport,
      message: withId(this.#request.message, id),
      onMessage: (message) => this.#received(message, id, attempt),
      onFailure: () => this.#failed(attempt),
    });
    if (this.#attempts.has(attempt)) attempt.cancel = cancel;
    else cancel();
  }

  #received(message: Uint8Array, id: number, attempt: Attempt): void {
    const { query, sandboxId } = this.#request;
    const response = this.#attempts.has(attempt) ? decodeResponse(message, query, id) : undefined;
    if (response === undefined) return;
    this.#parts.health.answered(attempt.upstream, sandboxId);
    if (response.rcode === RCODE.SERVFAIL || response.rcode === RCODE.REFUSED) {
      this.#failed(attempt);
      return;
    }
    this.#parts.cache.store({ ...this.#request, upstreams: this.#upstreams }, message, response);
    if (response.rcode === RCODE.NOERROR) this.#parts.onAnswer(sandboxId, message, response);
    this.#end({ kind: "answer", message: withId(message, query.id), questionEnd: response.questionEnd });
  }

  #failed(attempt: Attempt): void {
    if (!this.#attempts.delete(attempt)) return;
    attempt.cancel();
    // A server that said no at once says the same again.
    this.#servers = this.#servers.filter((server) => server !== attempt.upstream);
    this.#askNext();
  }

  #timedOut(): void {
    for (const { upstream } of this.#attempts) this.#parts.health.silent(upstream, this.#request.sandboxId);
    this.#end({ kind: "failure", rcode: RCODE.SERVFAIL });
  }

  #end(outcome: ForwardOutcome): void {
    if (this.over) return;
    this.cancel();
    this.#finish(outcome);
  }
}

function withId(message: Uint8Array, id: number): Uint8Array {
  const copy = Uint8Array.from(message);
  copy[0] = id >> 8;
  copy[1] = id & 0xff;
  return copy;
}
