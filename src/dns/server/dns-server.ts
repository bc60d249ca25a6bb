/**
 * The resolver of all sandboxes, as it runs in the dns worker: snapshot, listeners and forwarder put together. Everything in
 * here happens on one thread, so a change of the snapshot falls between two answers and never into one.
 */
import { randomFillSync } from "node:crypto";
import { messageOf } from "../../base/errors.ts";
import type { Clock } from "../../base/clock.ts";
import { Answerer } from "../answer.ts";
import type { DnsChange } from "../dns.ts";
import { AnswerCache } from "../forward/answer-cache.ts";
import { Forwarder } from "../forward/forwarder.ts";
import { ServerHealth } from "../forward/server-health.ts";
import { SocketExchange, type SocketSource } from "../forward/socket-exchange.ts";
import type { LimitedLog } from "../limited-log.ts";
import { endpointsNamedAlike } from "../lookup.ts";
import { MAX_MESSAGE, RCODE } from "../message/codes.ts";
import { listAddressRecords, type Response } from "../message/response.ts";
import { Snapshot } from "../snapshot.ts";
import type { ServedSockets } from "../worker-protocol.ts";
import { addCounters, zeroCounters, type DnsCounters } from "./counters.ts";
import { DatagramBatch } from "./datagram-batch.ts";
import { Poller } from "./poller.ts";
import type { ForwardOutcome } from "./request.ts";
import { TcpListener, type TcpAnswerer } from "./tcp-listener.ts";
import { UdpListener, type ListenerContext } from "./udp-listener.ts";

interface Served {
  readonly udp: UdpListener;
  readonly tcp: TcpListener;
  readonly counters: DnsCounters;
}

export interface DnsServerParts {
  readonly sockets: SocketSource;
  readonly log: LimitedLog;
  readonly clock: Pick<Clock, "now">;
}

export class DnsServer {
  readonly #log: LimitedLog;
  readonly #snapshot = new Snapshot();
  readonly #served = new Map<string, Served>();
  readonly #past = zeroCounters();
  readonly #batch = new DatagramBatch();
  readonly #udpAnswerer = new Answerer(this.#snapshot, this.#batch.answers);
  readonly #tcpAnswerer: TcpAnswerer;
  readonly #poller: Poller;
  readonly #forwarder: Forwarder;
  readonly #ids = new Uint16Array(256);
  #nextId = this.#ids.length;
  #closed = false;

  constructor(parts: DnsServerParts) {
    this.#log = parts.log;
    const memory = new Uint8Array(MAX_MESSAGE);
    this.#tcpAnswerer = { memory, answerer: new Answerer(this.#snapshot, memory) };
    this.#poller = new Poller((fault) => this.#log.warn({ error: messageOf(fault) }, "a DNS socket's handler failed"));
    this.#forwarder = new Forwarder({
      exchange: new SocketExchange(this.#poller, parts.sockets),
      health: new ServerHealth(parts.clock),
      cache: new AnswerCache(parts.clock),
      upstreams: (sandboxId) => this.#snapshot.sandbox(sandboxId)?.upstreams ?? [],
      onAnswer: (sandboxId, message, response) => this.#learn(sandboxId, message, response),
      randomId: () => this.#randomId(),
    });
  }

  change(changes: readonly DnsChange[]): void {
    this.#snapshot.apply(changes);
  }

  /** Answers on the descriptors until `stop`. They stay the caller's. */
  serve(sockets: ServedSockets): void {
    this.stop(sockets.sandboxId);
    const counters = zeroCounters();
    const context = this.#context(sockets.sandboxId, counters);
    const udp = new UdpListener(sockets.udpFd, context, this.#batch, this.#udpAnswerer);
    const tcp = new TcpListener(sockets.tcpFd, context, this.#tcpAnswerer);
    this.#served.set(sockets.sandboxId, { udp, tcp, counters });
  }

  /** Accepts absence. */
  stop(sandboxId: string): void {
    const served = this.#served.get(sandboxId);
    if (served === undefined) return;
    this.#served.delete(sandboxId);
    served.udp.close();
    served.tcp.close();
    this.#forwarder.drop(sandboxId);
    addCounters(this.#past, served.counters);
  }

  /** Of all sandboxes, those gone included. */
  counters(): DnsCounters {
    const sum = { ...this.#past };
    for (const served of this.#served.values()) addCounters(sum, served.counters);
    return sum;
  }

  /** Frees everything of its own. Accepts being called again. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const sandboxId of this.#served.keys()) this.stop(sandboxId);
    this.#poller.close();
  }

  #context(sandboxId: string, counters: DnsCounters): ListenerContext {
    return {
      sandboxId,
      counters,
      poller: this.#poller,
      sandbox: () => this.#snapshot.sandbox(sandboxId),
      forward: (request) =>
        this.#forwarder.forward({
          ...request,
          respond: (outcome) => {
            this.#report(sandboxId, outcome);
            request.respond(outcome);
          },
        }),
    };
  }

  #report(sandboxId: string, outcome: ForwardOutcome): void {
    if (outcome.kind === "answer") return;
    const message =
      outcome.rcode === RCODE.REFUSED ? "too many DNS queries under way" : "no upstream DNS server answered";
    this.#log.warn({ sandbox: sandboxId.slice(0, 12) }, message);
  }

  #learn(sandboxId: string, message: Uint8Array, response: Response): void {
    const sandbox = this.#snapshot.sandbox(sandboxId);
    if (sandbox === undefined) return;
    const records = listAddressRecords(message, response);
    for (const endpoint of endpointsNamedAlike(this.#snapshot, sandbox, records)) {
      this.#snapshot.deferReverse(endpoint.id);
    }
  }

  #randomId(): number {
    if (this.#nextId >= this.#ids.length) {
      randomFillSync(this.#ids);
      this.#nextId = 0;
    }
    return this.#ids[this.#nextId++] ?? 0;
  }
}
