/**
 * Learns the names of dockerd's containers, which its plugins are not told: from its API, whenever an endpoint of ours joins and
 * whenever dockerd says that a container or a network changed. While dockerd does not answer, names stay as they were; it
 * is asked again when it is back.
 */
import { setTimeout } from "node:timers/promises";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { Controller } from "../../controller/controller.ts";
import type { ContainerEndpoint, DockerApi } from "./docker-api.ts";

/** Events come in handfuls. */
const SETTLE_MS = 10;
const RETRY_MS = 1_000;

export class ContainerNames implements AsyncDisposable {
  readonly #controller: Controller;
  readonly #api: DockerApi;
  readonly #log: Log;
  readonly #end = new AbortController();
  #following: Promise<void> | undefined;
  #round: Promise<void> | undefined;
  #isDue = false;
  /** What was said last of why dockerd cannot be asked. */
  #said = "";

  constructor(parts: { readonly controller: Controller; readonly api: DockerApi; readonly log: Log }) {
    this.#controller = parts.controller;
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
    const { lending } = this.#controller;
    const ours = new Set(lending.endpoints().map(({ id }) => id));
    if (ours.size === 0) return;
    const found = (await this.#api.endpoints()).filter(({ endpointId }) => ours.has(endpointId));
    await Promise.all(found.map((endpoint) => this.#name(endpoint)));
  }

  async #name({ endpointId, containerId, containerName }: ContainerEndpoint): Promise<void> {
    try {
      const aliases = (await this.#api.aliases(containerId)).get(endpointId) ?? [];
      const dnsNames = [...new Set([containerName, ...aliases])];
      await this.#controller.lending.nameEndpoint(endpointId, { name: containerName, dnsNames });
    } catch (cause) {
      if (this.#end.signal.aborted) return;
      const about = { endpoint: endpointId, container: containerName, err: cause };
      this.#log.warn(about, `a container is not known by name yet: ${messageOf(cause)}`);
    }
  }

  #complain(cause: unknown): void {
    const text = messageOf(cause);
    if (this.#end.signal.aborted || text === this.#said) return;
    this.#said = text;
    this.#log.warn({ err: cause }, `containers' names are not learned now: ${text}`);
  }

  async #pause(ms: number): Promise<void> {
    await setTimeout(ms, undefined, { signal: this.#end.signal }).catch(() => undefined);
  }
}
