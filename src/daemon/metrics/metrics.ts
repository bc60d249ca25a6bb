/**
 * What the daemon tells Prometheus (docs/metrics.md): dockerd's metrics under dockerd's names as far as they are true of us, our
 * own under `causeway_`, and the process's under the names that client libraries share. Numbers are read when they are asked
 * for; only durations and events are noted as they happen.
 */
import { availableParallelism, totalmem } from "node:os";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { messageOf } from "../../base/errors.ts";
import type { EventBus } from "../../base/event-bus.ts";
import type { Log } from "../../base/log.ts";
import type { StoreOperation, StoreOutcome } from "../../cluster/counted-store.ts";
import type { Meter, NetworkAction } from "../../controller/meter.ts";

/** One number with its labels. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Description {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

type Read = () => readonly Sample[] | Promise<readonly Sample[]>;

const ACTIONS: readonly NetworkAction[] = ["allocate", "connect", "release"];

/** dockerd's, of go-metrics. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class Metrics implements Meter {
  readonly #registry = new Registry();
  readonly #log: Log;
  readonly #actions: Histogram<"action">;
  readonly #requests: Counter<"operation" | "outcome">;
  #underway: Promise<string> | undefined;

  constructor(log: Log) {
    this.#log = log;
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#actions = new Histogram({
      name: "engine_daemon_network_actions_seconds",
      help: "The number of seconds it takes to process each network action",
      labelNames: ["action"],
      buckets: BUCKETS,
      registers,
    });
    this.#requests = new Counter({
      name: "causeway_cluster_requests_total",
      help: "Requests to the cluster store by how they ended; refused are writes that another host's came before",
      labelNames: ["operation", "outcome"],
      registers,
    });
    for (const action of ACTIONS) this.#actions.zero({ action });
    this.gauge(
      described("engine_daemon_engine_cpus_cpus", "The number of cpus that the host system of the engine has"),
      () => [sample(availableParallelism())],
    );
    this.gauge(
      described(
        "engine_daemon_engine_memory_bytes",
        "The number of bytes of memory that the host system of the engine has",
      ),
      () => [sample(totalmem())],
    );
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  took(action: NetworkAction, seconds: number): void {
    this.#actions.observe({ action }, seconds);
  }

  asked(operation: StoreOperation, outcome: StoreOutcome): void {
    this.#requests.inc({ operation, outcome });
  }

  countEvents(events: EventBus): void {
    const help = "The number of events logged";
    const counter = new Counter({ name: "engine_daemon_events_total", help, registers: [this.#registry] });
    events.subscribe(() => counter.inc());
  }

  /** A value that goes up and down. What cannot be read is left out, and said in the log. */
  gauge(description: Description, read: Read): void {
    const gauge = new Gauge({
      ...named(description),
      registers: [this.#registry],
      collect: async () => {
        const samples = await this.#read(description, read);
        gauge.reset();
        if (isZero(description, samples)) gauge.remove();
        for (const { labels, value } of samples) gauge.set({ ...labels }, value);
      },
    });
  }

  /** A count that somebody else keeps, since the daemon's start. */
  counter(description: Description, read: Read): void {
    const counter = new Counter({
      ...named(description),
      registers: [this.#registry],
      collect: async () => {
        const samples = await this.#read(description, read);
        counter.reset();
        if (isZero(description, samples)) counter.remove();
        for (const { labels, value } of samples) counter.inc({ ...labels }, value);
      },
    });
  }

  /** In Prometheus' text format. Who asks while it is being collected gets the same. */
  text(): Promise<string> {
    this.#underway ??= this.#registry.metrics().finally(() => (this.#underway = undefined));
    return this.#underway;
  }

  async #read({ name }: Description, read: Read): Promise<readonly Sample[]> {
    try {
      return await read();
    } catch (cause) {
      this.#log.warn({ metric: name, err: cause }, `metric left out: ${messageOf(cause)}`);
      return [];
    }
  }
}

export function described(name: string, help: string, ...labels: readonly string[]): Description {
  return { name, help, labels };
}

export function sample(value: number, labels: Readonly<Record<string, string>> = {}): Sample {
  return { labels, value };
}

/** What was reset and has no labels says 0, though nobody read it. */
function isZero({ labels }: Description, samples: readonly Sample[]): boolean {
  return labels.length === 0 && samples.length === 0;
}

function named({ name, help, labels }: Description) {
  return { name, help, labelNames: [...labels] };
}
