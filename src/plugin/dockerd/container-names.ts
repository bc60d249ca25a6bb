/**
 * Learns the names of dockerd's containers, which its plugins are not told: from its API, whenever an endpoint of ours joins and
 * whenever dockerd says that a container or a network changed. While dockerd does not answer, names stay as they were; it
 * is asked again when it is back.
 */
import { setTimeout as pause } from "node:timers/promises";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { someAtOnce } from "../../base/some-at-once.ts";
import type { Controller } from "../../controller/controller.ts";
import type { ContainerEndpoint, DockerApi } from "./docker-api.ts";

/** Events come in handfuls. */
const SETTLE_MS = 10;
const RETRY_MS = 1_000;
/** Until what failed is tried again, unless something happens before. */
const LATER_MS = 5_000;
/** Containers that dockerd is asked about at a time. */
const AT_ONCE = 8;

/** Whose names they are. */
export type Named = Pick<Controller["lending"], "endpoints" | "nameEndpoint">;

export class ContainerNames implements AsyncDisposable {
  readonly #lending: Named;
  readonly #api: DockerApi;
  readonly #log: Log;
  readonly #end = new AbortController();
  #following: Promise<void> | undefined;
  #round: Promise<void> | undefined;
  #later: NodeJS.Timeout | undefined;
  #isDue = false;
  /** What was said last of why dockerd cannot be asked. */
  #said = "";

  constructor(parts: { readonly lending: Named; readonly api: DockerApi; readonly log: Log }) {
    this.#lending = parts.lending;
    this.#api = parts.api;
    this.#log = parts.log;
  }

  open(): void {
    this.#following = this.#follow();
  }

  /** Something may have another name now. */
  look(): void {
    this.#isDue = true;
    this.#round ??= this.#rounds().finally(() => (this.#round = undefined));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    clearTimeout(this.#later);
    await this.#following;
    await this.#round;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#end;
    while (!signal.aborted) {
      try {
        await this.#api.follow({ onOpen: () => this.#opened(), onEvent: () => this.look(), signal });
      } catch (cause) {
        this.#complain(cause);
      }
      await this.#pause(RETRY_MS);
    }
  }

  #opened(): void {
    this.#said = "";
    this.look();
  }

  async #rounds(): Promise<void> {
    while (this.#isDue && !this.#end.signal.aborted) {
      await this.#pause(SETTLE_MS);
      this.#isDue = false;
      await this.#learn().catch((cause: unknown) => this.#complain(cause));
    }
  }

  async #learn(): Promise<void> {
    const known = new Map(this.#lending.endpoints().map(({ id, dnsNames }) => [id, dnsNames[0]]));
    if (known.size === 0) return;
    // Aliases change with the endpoint alone: who is known by its name is not asked about again.
    const found = (await this.#api.endpoints()).filter(
      ({ endpointId, containerName }) => known.has(endpointId) && known.get(endpointId) !== containerName,
    );
    await someAtOnce([...Map.groupBy(found, ({ containerId }) => containerId)], AT_ONCE, ([id, endpoints]) =>
      this.#name(id, endpoints),
    );
  }

  /** One question for all endpoints of a container. */
  async #name(containerId: string, endpoints: readonly ContainerEndpoint[]): Promise<void> {
    if (this.#end.signal.aborted) return;
    try {
      const aliases = await this.#api.aliases(containerId);
      for (const { endpointId, containerName: name } of endpoints) {
        const dnsNames = [...new Set([name, ...(aliases.get(endpointId) ?? [])])];
        await this.#lending.nameEndpoint(endpointId, { name, dnsNames });
      }
    } catch (cause) {
      if (this.#end.signal.aborted) return;
      const container = endpoints[0]?.containerName ?? containerId;
      this.#log.warn({ container, err: cause }, `container ${container} is not known by name yet: ${messageOf(cause)}`);
      this.#lookLater();
    }
  }

  /** The cluster's store is away, say. */
  #lookLater(): void {
    clearTimeout(this.#later);
    this.#later = setTimeout(() => this.look(), LATER_MS).unref();
  }

  #complain(cause: unknown): void {
    const text = messageOf(cause);
    if (this.#end.signal.aborted || text === this.#said) return;
    this.#said = text;
    this.#log.warn({ err: cause }, `containers' names are not learned now: ${text}`);
  }

  async #pause(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#end.signal }).catch(() => undefined);
  }
}
