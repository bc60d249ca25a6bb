/**
 * All containers: found by id, name or unique id prefix, every change stored before it is seen. Names are unique; a name is
 * taken the moment it is reserved, so that two creations at once cannot both have it.
 */
import { EngineError } from "../../base/errors.ts";
import type { EventBus } from "../../base/event-bus.ts";
import type { Store } from "../../store/store.ts";
import type { ContainerState } from "../container.ts";
import { ContainerEntry } from "./container-entry.ts";
import { decodeContainer, encodeContainer, type ContainerRecord } from "./container-record.ts";

const COLLECTION = "containers";

export class ContainerRegistry {
  readonly #store: Store;
  readonly #events: EventBus;
  readonly #dataRoot: string;
  readonly #entries = new Map<string, ContainerEntry>();
  /** Name to container id. */
  readonly #names = new Map<string, string>();

  constructor(options: { readonly store: Store; readonly events: EventBus; readonly dataRoot: string }) {
    this.#store = options.store;
    this.#events = options.events;
    this.#dataRoot = options.dataRoot;
  }

  /** Reads the store. Records that cannot be understood are told to `refuse` and left where they are. */
  load(refuse: (id: string, error: unknown) => void): void {
    for (const stored of this.#store.list(COLLECTION)) {
      try {
        const record = decodeContainer(stored);
        this.#entries.set(record.id, new ContainerEntry(record, this.#dataRoot));
        this.#names.set(record.name, record.id);
      } catch (error) {
        refuse(stored.id, error);
      }
    }
  }

  /** Oldest first. */
  all(): readonly ContainerEntry[] {
    return [...this.#entries.values()];
  }

  get(id: string): ContainerEntry | undefined {
    return this.#entries.get(id);
  }

  hasName(name: string): boolean {
    return this.#names.has(name);
  }

  /** Full id, then name, then unique prefix. Throws `not-found` "No such container: X". */
  find(reference: string): ContainerEntry {
    const name = reference.startsWith("/") ? reference.slice(1) : reference;
    const exact = this.#entries.get(reference) ?? this.#entries.get(this.#names.get(name) ?? "");
    if (exact !== undefined) return exact;
    const matches = /^[0-9a-f]+$/.test(reference) ? this.all().filter((entry) => entry.id.startsWith(reference)) : [];
    const [first, second] = matches;
    if (second !== undefined) {
      throw new EngineError("invalid-argument", `multiple IDs found with provided prefix: ${reference}`);
    }
    if (first === undefined) throw new EngineError("not-found", `No such container: ${reference}`);
    return first;
  }

  /** Takes a name for a container. Throws `conflict` with Docker's sentence when it is taken. */
  reserveName(name: string, id: string): void {
    const holder = this.#names.get(name);
    if (holder !== undefined && holder !== id) {
      const text = `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`;
      throw new EngineError("conflict", text);
    }
    this.#names.set(name, id);
  }

  releaseName(name: string, id: string): void {
    if (this.#names.get(name) === id) this.#names.delete(name);
  }

  add(record: ContainerRecord): ContainerEntry {
    this.#store.commit([{ put: COLLECTION, id: record.id, value: encodeContainer(record), expected: 0 }]);
    const entry = new ContainerEntry(record, this.#dataRoot);
    this.#entries.set(record.id, entry);
    return entry;
  }

  /** Stores a changed record and then shows it. */
  update(entry: ContainerEntry, change: Partial<ContainerRecord>): void {
    const record = { ...entry.record, ...change };
    this.#store.commit([{ put: COLLECTION, id: record.id, value: encodeContainer(record) }]);
    entry.record = record;
  }

  setState(entry: ContainerEntry, state: ContainerState): void {
    this.update(entry, { state });
  }

  /** The container has no sandbox any more. */
  clearSandbox(entry: ContainerEntry): void {
    const { sandboxId: _sandboxId, ...record } = entry.record;
    this.#store.commit([{ put: COLLECTION, id: record.id, value: encodeContainer(record) }]);
    entry.record = record;
  }

  remove(entry: ContainerEntry): void {
    this.#store.commit([{ remove: COLLECTION, id: entry.id }]);
    this.#entries.delete(entry.id);
    this.releaseName(entry.name, entry.id);
  }

  /** A container event as Docker's: the image, the name and all labels are its attributes. */
  emit(entry: ContainerEntry, action: string, more: Readonly<Record<string, string>> = {}): void {
    const { spec, name } = entry.record;
    const attributes = { ...spec.labels, ...more, image: spec.image, name };
    this.#events.emit({ type: "container", action, actorId: entry.id, attributes });
  }
}
