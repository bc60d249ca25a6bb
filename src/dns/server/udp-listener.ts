/**
 * UDP port of one sandbox: answers what the snapshot knows in batches and hands the rest to the forwarder. Does a bounded
 * number of batches per turn, so that a sandbox that floods its resolver does not keep the others waiting.
 */
import type { Answerer } from "../answer.ts";
import type { SandboxView } from "../snapshot.ts";
import type { Query } from "../message/query.ts";
import type { DnsCounters } from "./counters.ts";
import { CLIENT_ADDRESS_SIZE, MAX_DATAGRAM, type DatagramBatch } from "./datagram-batch.ts";
import { EPOLL, libc, MSG } from "./libc.ts";
import { BATCH_SLOTS } from "./message-table.ts";
import type { Poller } from "./poller.ts";
import { truncateAnswer, type ForwardOutcome, type ForwardRequest } from "./request.ts";

const BATCHES_PER_TURN = 4;

/** What a sandbox's listeners share. */
export interface ListenerContext {
  readonly sandboxId: string;
  readonly poller: Poller;
  readonly counters: DnsCounters;
  /** The sandbox as the snapshot has it at this moment. */
  sandbox(): SandboxView | undefined;
  forward(request: ForwardRequest): void;
}

export class UdpListener {
  readonly #fd: number;
  readonly #context: ListenerContext;
  readonly #batch: DatagramBatch;
  readonly #answerer: Answerer;
  #open = true;

  /** The descriptor stays the caller's. The answerer writes to the batch's memory. */
  constructor(fd: number, context: ListenerContext, batch: DatagramBatch, answerer: Answerer) {
    this.#fd = fd;
    this.#context = context;
    this.#batch = batch;
    this.#answerer = answerer;
    context.poller.add(fd, EPOLL.IN, () => this.#turn());
  }

  close(): void {
    this.#open = false;
    this.#context.poller.remove(this.#fd);
  }

  #turn(): void {
    const sandbox = this.#context.sandbox();
    for (let round = 0; round < BATCHES_PER_TURN; round++) {
      const count = this.#batch.receive(this.#fd);
      for (let slot = 0; slot < count; slot++) this.#handle(slot, sandbox);
      this.#batch.flush(this.#fd);
      if (count < BATCH_SLOTS) return;
    }
  }

  #handle(slot: number, sandbox: SandboxView | undefined): void {
    const { counters } = this.#context;
    counters.queries++;
    const message = this.#batch.message(slot);
    const start = this.#batch.answerStart(this.#fd);
    const verdict =
      message === undefined
        ? ({ kind: "ignore" } as const)
        : this.#answerer.judge(message, sandbox, { start, room: MAX_DATAGRAM, transport: "udp" });
    if (verdict.kind === "reply") {
      this.#batch.answer(slot, verdict.size);
      if (verdict.local) counters.local++;
      else counters.failed++;
    } else if (verdict.kind === "forward" && message !== undefined) {
      this.#forward(verdict.query, Uint8Array.from(message), this.#batch.clientAddress(slot));
    } else {
      counters.ignored++;
    }
  }

  #forward(query: Query, message: Uint8Array, client: Uint8Array): void {
    this.#context.counters.forwarded++;
    this.#context.forward({
      sandboxId: this.#context.sandboxId,
      query,
      message,
      transport: "udp",
      respond: (outcome) => {
        if (this.#open) this.#send(this.#format(outcome, query, message), client);
      },
    });
  }

  #format(outcome: ForwardOutcome, query: Query, message: Uint8Array): Uint8Array {
    if (outcome.kind === "answer") {
      const tooLong = outcome.message.length > query.udpSize;
      return tooLong ? truncateAnswer(outcome.message, outcome.questionEnd) : outcome.message;
    }
    this.#context.counters.failed++;
    return this.#answerer.failure(message, query, outcome.rcode);
  }

  #send(answer: Uint8Array, client: Uint8Array): void {
    libc.sendto(this.#fd, answer, answer.length, MSG.DONTWAIT | MSG.NOSIGNAL, client, CLIENT_ADDRESS_SIZE);
  }
}
