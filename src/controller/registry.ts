/**
 * All intents in memory, indexed by every question that is asked of them, in step with the store: a change is committed to
 * the store first, in one transaction, and shows here only when that held. No operation costs more when there is more,
 * except those that list.
 *
 * Endpoint names are taken here before addresses are leased, so that two callers cannot both have one, and so that a network
 * with an endpoint underway is already in use.
 */
import { EngineError } from "../base/errors.ts";
import type { EndpointIntent, NetworkIntent } from "../drivers/intent.ts";
import type { Change, Store } from "../store/store.ts";
import { IdIndex } from "./id-index.ts";
import {
  encodeEndpoint,
  encodeNetwork,
  encodeSandbox,
  ENDPOINTS,
  NETWORKS,
  SANDBOXES,
  type StoredPhase,
} from "./records.ts";
import { SandboxIndex } from "./sandbox-index.ts";
import type { SandboxIntent } from "./sandbox-intent.ts";

/** "creating": committed, but the kernel does not have all of it yet. */
export type Phase = "creating" | StoredPhase;

export interface Entry<T> {
  readonly intent: T;
  readonly phase: Phase;
}

export type NetworkEntry = Entry<NetworkIntent>;
export type EndpointEntry = Entry<EndpointIntent>;
export type SandboxEntry = Entry<SandboxIntent>;

export interface RegistryChange {
  readonly put?: {
    readonly networks?: readonly NetworkEntry[];
    readonly endpoints?: readonly EndpointEntry[];
    readonly sandboxes?: readonly SandboxEntry[];
  };
  readonly remove?: {
    readonly networks?: readonly string[];
    readonly endpoints?: readonly string[];
    readonly sandboxes?: readonly string[];
  };
}

const NONE: ReadonlySet<string> = new Set();

export class Registry {
  readonly #store: Store;
  readonly #networks = new Map<string, NetworkEntry>();
  readonly #networkIds = new IdIndex();
  readonly #networkIdByName = new Map<string, string>();
  readonly #endpoints = new Map<string, EndpointEntry>();
  readonly #sandboxes = new Map<string, SandboxEntry>();
  readonly #sandboxIndex = new SandboxIndex();
  readonly #endpointIdsBySandbox = new Map<string, Set<string>>();
  /** Network id to endpoint name to endpoint id; reserved names included. */
  readonly #names = new Map<string, Map<string, string>>();
  /** Configuration-only network's name to how many networks were made from it. */
  readonly #configUsers = new Map<string, number>();

  constructor(store: Store) {
    this.#store = store;
  }

  network(id: string): NetworkEntry | undefined {
    return this.#networks.get(id);
  }

  networkByName(name: string): NetworkEntry | undefined {
    const id = this.#networkIdByName.get(name);
    return id === undefined ? undefined : this.#networks.get(id);
  }

  networksByIdPrefix(prefix: string): readonly NetworkEntry[] {
    return this.#networkIds.withPrefix(prefix).flatMap((id) => this.#networks.get(id) ?? []);
  }

  /** Oldest first. */
  networks(): readonly NetworkEntry[] {
    return [...this.#networks.values()];
  }

  isConfigInUse(name: string): boolean {
    return this.#configUsers.has(name);
  }

  endpoint(id: string): EndpointEntry | undefined {
    return this.#endpoints.get(id);
  }

  endpoints(): readonly EndpointEntry[] {
    return [...this.#endpoints.values()];
  }

  endpointsOfNetwork(networkId: string): readonly EndpointEntry[] {
    return [...(this.#names.get(networkId)?.values() ?? [])].flatMap((id) => this.#endpoints.get(id) ?? []);
  }

  /** In the order in which they joined. */
  endpointsOfSandbox(sandboxId: string): readonly EndpointEntry[] {
    return [...(this.#endpointIdsBySandbox.get(sandboxId) ?? NONE)].flatMap((id) => this.#endpoints.get(id) ?? []);
  }

  sandbox(id: string): SandboxEntry | undefined {
    return this.#sandboxes.get(id);
  }

  sandboxesOfContainer(containerId: string): ReadonlySet<string> {
    return this.#sandboxIndex.ofContainer(containerId);
  }

  /** Those whose links lead to the container. */
  sandboxesLinkedTo(containerId: string): ReadonlySet<string> {
    return this.#sandboxIndex.linkedTo(containerId);
  }

  sandboxes(): readonly SandboxEntry[] {
    return [...this.#sandboxes.values()];
  }

  /** Names and ids of the network's endpoints, those underway included. */
  namesOnNetwork(networkId: string): ReadonlyMap<string, string> {
    return this.#names.get(networkId) ?? new Map();
  }

  /** Takes an endpoint's name; throws `forbidden` when another endpoint of the network has it. */
  reserveName(network: NetworkIntent, name: string, endpointId: string): void {
    const holder = this.#names.get(network.id)?.get(name);
    if (holder !== undefined && holder !== endpointId) {
      throw new EngineError("forbidden", `endpoint with name ${name} already exists in network ${network.name}`);
    }
    this.#takeName(network.id, name, endpointId);
  }

  /** Gives a name back, if it is still this endpoint's. */
  releaseName(networkId: string, name: string, endpointId: string): void {
    const names = this.#names.get(networkId);
    if (names?.get(name) === endpointId) names.delete(name);
    if (names?.size === 0) this.#names.delete(networkId);
  }

  /** All of it or nothing, in the store and then here. Throws what the store throws. */
  commit(change: RegistryChange): void {
    this.#store.commit(storeChanges(change));
    this.restore(change);
  }

  /** Takes in what the store has already. */
  restore({ put = {}, remove = {} }: RegistryChange): void {
    for (const id of remove.endpoints ?? []) this.#removeEndpoint(id);
    for (const id of remove.sandboxes ?? []) this.#removeSandbox(id);
    for (const id of remove.networks ?? []) this.#removeNetwork(id);
    for (const entry of put.networks ?? []) this.#putNetwork(entry);
    for (const entry of put.sandboxes ?? []) this.#putSandbox(entry);
    for (const entry of put.endpoints ?? []) this.#putEndpoint(entry);
  }

  #putNetwork(entry: NetworkEntry): void {
    const { id, name, configFrom } = entry.intent;
    if (!this.#networks.has(id) && configFrom !== undefined) this.#countConfig(configFrom, 1);
    this.#networks.set(id, entry);
    this.#networkIds.add(id);
    this.#networkIdByName.set(name, id);
  }

  #removeNetwork(id: string): void {
    const intent = this.#networks.get(id)?.intent;
    if (intent === undefined) return;
    this.#networks.delete(id);
    this.#networkIds.remove(id);
    if (this.#networkIdByName.get(intent.name) === id) this.#networkIdByName.delete(intent.name);
    if (intent.configFrom !== undefined) this.#countConfig(intent.configFrom, -1);
  }

  #countConfig(name: string, by: number): void {
    const count = (this.#configUsers.get(name) ?? 0) + by;
    if (count > 0) this.#configUsers.set(name, count);
    else this.#configUsers.delete(name);
  }

  #putSandbox(entry: SandboxEntry): void {
    this.#removeSandbox(entry.intent.id);
    this.#sandboxes.set(entry.intent.id, entry);
    this.#sandboxIndex.add(entry.intent);
  }

  #removeSandbox(id: string): void {
    const intent = this.#sandboxes.get(id)?.intent;
    if (intent !== undefined) this.#sandboxIndex.remove(intent);
    this.#sandboxes.delete(id);
  }

  #putEndpoint(entry: EndpointEntry): void {
    const { id, networkId, name, attachment } = entry.intent;
    const before = this.#endpoints.get(id)?.intent;
    if (before !== undefined && before.name !== name) this.releaseName(networkId, before.name, id);
    this.#endpoints.set(id, entry);
    this.#takeName(networkId, name, id);
    if (attachment === undefined) return;
    const ids = this.#endpointIdsBySandbox.get(attachment.sandboxId) ?? new Set();
    this.#endpointIdsBySandbox.set(attachment.sandboxId, ids.add(id));
  }

  #removeEndpoint(id: string): void {
    const intent = this.#endpoints.get(id)?.intent;
    if (intent === undefined) return;
    this.#endpoints.delete(id);
    this.releaseName(intent.networkId, intent.name, id);
    const sandboxId = intent.attachment?.sandboxId ?? "";
    const ids = this.#endpointIdsBySandbox.get(sandboxId);
    ids?.delete(id);
    if (ids?.size === 0) this.#endpointIdsBySandbox.delete(sandboxId);
  }

  #takeName(networkId: string, name: string, endpointId: string): void {
    const names = this.#names.get(networkId) ?? new Map<string, string>();
    this.#names.set(networkId, names.set(name, endpointId));
  }
}

function storeChanges({ put = {}, remove = {} }: RegistryChange): readonly Change[] {
  const removals = (collection: string, ids: readonly string[] = []): Change[] =>
    ids.map((id) => ({ remove: collection, id }));
  return [
    ...removals(ENDPOINTS, remove.endpoints),
    ...removals(SANDBOXES, remove.sandboxes),
    ...removals(NETWORKS, remove.networks),
    ...(put.networks ?? []).map(({ intent, phase }) => ({
      put: NETWORKS,
      id: intent.id,
      value: encodeNetwork({ intent, phase: storedPhase(phase) }),
    })),
    ...(put.sandboxes ?? []).map(({ intent, phase }) => ({
      put: SANDBOXES,
      id: intent.id,
      value: encodeSandbox({ intent, phase: storedPhase(phase) }),
    })),
    ...(put.endpoints ?? []).map(({ intent, phase }) => ({
      put: ENDPOINTS,
      id: intent.id,
      value: encodeEndpoint({ intent, phase: storedPhase(phase) }),
    })),
  ];
}

/** What was underway in a crash is completed at the next start: the start makes all that is intended. */
function storedPhase(phase: Phase): StoredPhase {
  return phase === "removing" ? "removing" : "live";
}
