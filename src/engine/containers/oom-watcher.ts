/** Listens for "out of memory" from containerd and notes it on the container's run; listens again when containerd was away. */
import { setTimeout as delay } from "node:timers/promises";
import type { EventEnvelope } from "../containerd/messages.ts";
import { decodeMessage } from "../containerd/protocol.ts";
import type { EngineContext } from "../engine-context.ts";

const RETRY_MS = 500;

export class OomWatcher {
  readonly #context: EngineContext;
  #stream: ReturnType<EngineContext["containerd"]["client"]["stream"]> | undefined;
  #closed = false;

  constructor(context: EngineContext) {
    this.#context = context;
  }

  open(): void {
    void this.#watch();
  }

  close(): void {
    this.#closed = true;
    this.#stream?.cancel();
  }

  async #watch(): Promise<void> {
    while (!this.#closed) {
      const stream = this.#context.containerd.client.stream("events", "Subscribe", {
        filters: ['topic=="/tasks/oom"'],
      });
      this.#stream = stream;
      try {
        for await (const envelope of stream) this.#note(envelope);
      } catch {
        // Cancelled by us, or containerd went away: asked again below.
      }
      if (!this.#closed) await delay(RETRY_MS, undefined, { ref: false });
    }
  }

  #note(envelope: EventEnvelope): void {
    if (envelope.event === null) return;
    const event = decodeMessage("containerd.services.events.v1.TaskOOM", envelope.event.value);
    const id = "containerId" in event && typeof event.containerId === "string" ? event.containerId : "";
    const entry = this.#context.registry.get(id);
    if (entry?.run === undefined) return;
    entry.run.oomKilled = true;
    this.#context.registry.emit(entry, "oom");
  }
}
