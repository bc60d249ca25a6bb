/**
 * A kernel in memory for tests of the layers above. It keeps facts instead of making links, and is as strict as the real one:
 * nothing can stand on a namespace, link or bridge that is not there, another's link is not taken over, and what is left at
 * the end is told. It can be told to fail at the n-th step from now.
 */
import { networkOf } from "../addr/prefix.ts";
import type { FlowPattern } from "./conntrack/flow.ts";
import { HOST, MARK, type KernelFact, type LinkFact, type NamespaceRef } from "./facts.ts";
import { KernelError } from "./kernel-error.ts";
import type { Announcement, FilterGeneration, Kernel, OpenedSocket, RunResult } from "./kernel.ts";
import { NftModel } from "./nftables/model.ts";
import type { NftChange, NftTable, NftTableName } from "./nftables/ruleset.ts";
import type { LinkStatistics, Observation, ObservedLink } from "./observation.ts";
import { factKey, linkKey, namespaceKey } from "./plan/fact-key.ts";
import { Holders, places } from "./plan/holders.ts";
import type { Step } from "./step.ts";

const ENOENT = 2;
const EIO = 5;
const EEXIST = 17;
const ENODEV = 19;

const SILENT: LinkStatistics = {
  rxBytes: 0n,
  rxPackets: 0n,
  rxErrors: 0n,
  rxDropped: 0n,
  txBytes: 0n,
  txPackets: 0n,
  txErrors: 0n,
  txDropped: 0n,
};

export class FakeKernel implements Kernel {
  /** Every step that succeeded, oldest first. */
  readonly steps: Step[] = [];
  /** Every pattern of flows that were to be forgotten. */
  readonly forgotten: FlowPattern[] = [];
  /** What neighbours were told, in order. */
  readonly announced: Announcement[] = [];
  /** What nf_tables holds in each namespace. */
  readonly nftables = new NftModel();
  readonly #facts = new Map<string, KernelFact>();
  readonly #listeners = new Set<() => void>();
  #stepsUntilFailure: number | undefined;

  /** What holds now, sysctls left out: they are never undone. */
  facts(): readonly KernelFact[] {
    return [...this.#facts.values()].filter(({ kind }) => kind !== "sysctl");
  }

  /** The `count`-th step from now fails with EIO, once. Steps of `applyAll` count as well. */
  failAtStep(count: number): void {
    this.#stepsUntilFailure = count;
  }

  /** Whether a failure that was asked for has not come yet. */
  get isFailurePending(): boolean {
    return this.#stepsUntilFailure !== undefined;
  }

  /** Somebody else made this, or took it away. */
  meddle(change: { readonly add?: KernelFact; readonly remove?: KernelFact }): void {
    if (change.remove !== undefined) this.#remove(factKey(change.remove));
    if (change.add !== undefined) this.#facts.set(factKey(change.add), change.add);
    for (const listener of this.#listeners) listener();
  }

  async apply(steps: readonly Step[]): Promise<void> {
    for (const [completed, step] of steps.entries()) this.#carryOut(step, completed);
    return Promise.resolve();
  }

  async applyAll(steps: readonly Step[]): Promise<void> {
    const errors: unknown[] = [];
    for (const [completed, step] of steps.entries()) {
      try {
        this.#carryOut(step, completed);
      } catch (cause) {
        errors.push(cause);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, errors.map(String).join("; "));
    return Promise.resolve();
  }

  async observe(namespace: NamespaceRef, sysctls: readonly string[] = []): Promise<Observation> {
    this.#demandNamespace(namespace);
    return Promise.resolve(this.#observation(namespace, sysctls));
  }

  async watch(_namespace: NamespaceRef, listener: () => void): Promise<() => Promise<void>> {
    this.#listeners.add(listener);
    return Promise.resolve(async () => {
      this.#listeners.delete(listener);
      return Promise.resolve();
    });
  }

  async openSockets(): Promise<readonly OpenedSocket[]> {
    return Promise.reject(new KernelError({ operation: "open sockets in a fake kernel", errno: EIO }));
  }

  async announce(namespace: NamespaceRef, announcements: readonly Announcement[]): Promise<void> {
    this.#demandNamespace(namespace);
    this.announced.push(...announcements);
    return Promise.resolve();
  }

  async forgetFlows(_namespace: NamespaceRef, patterns: readonly FlowPattern[]): Promise<number> {
    this.forgotten.push(...patterns);
    return Promise.resolve(patterns.length);
  }

  async readSysctl(namespace: NamespaceRef, key: string): Promise<string | undefined> {
    return Promise.resolve(this.#sysctl(namespace, key) ?? "0");
  }

  async changeNftables(namespace: NamespaceRef, changes: readonly NftChange[]): Promise<void> {
    this.#demandNamespace(namespace);
    this.nftables.change(namespace, changes);
    return Promise.resolve();
  }

  async readNftables(namespace: NamespaceRef, name: NftTableName): Promise<NftTable | undefined> {
    this.#demandNamespace(namespace);
    return Promise.resolve(this.nftables.read(namespace, name));
  }

  /** Nobody but us changes a fake kernel's rules. */
  async filterGeneration(): Promise<FilterGeneration> {
    return Promise.resolve({ id: "", exact: true });
  }

  async run(): Promise<RunResult> {
    return Promise.reject(new KernelError({ operation: "run a program in a fake kernel", errno: EIO }));
  }

  /** Watchers that nobody stopped are a leak. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#listeners.size > 0) throw new Error(`${this.#listeners.size} watchers left`);
    return Promise.resolve();
  }

  #demandNamespace(namespace: NamespaceRef): void {
    if (namespace === HOST || this.#facts.has(namespaceKey(namespace))) return;
    throw new KernelError({ operation: `enter namespace ${namespace}`, errno: ENOENT });
  }

  #carryOut(step: Step, completed: number): void {
    const operation = `${step.action} ${factKey(step.fact)}`;
    if (this.#stepsUntilFailure !== undefined && --this.#stepsUntilFailure === 0) {
      this.#stepsUntilFailure = undefined;
      throw new KernelError({ operation, errno: EIO, detail: "told to fail", completed });
    }
    if (step.action === "ensure") this.#ensure(step.fact, { operation, completed });
    else this.#removeOurs(step.fact);
    this.steps.push(step);
  }

  #ensure(fact: KernelFact, context: { readonly operation: string; readonly completed: number }): void {
    for (const place of needs(fact)) {
      const errno = place.startsWith("namespace ") ? ENOENT : ENODEV;
      if (!this.#hasPlace(place)) throw new KernelError({ ...context, errno, detail: `${place} is not there` });
    }
    const present = this.#facts.get(factKey(fact));
    if (fact.kind === "link") this.#demandOurs(fact, context);
    if (present === undefined) this.#takeFromHost(fact, context);
    this.#facts.set(factKey(fact), fact.kind === "link" && present?.kind === "link" ? merged(present, fact) : fact);
  }

  /** Refuses what is at the link's places and neither ours nor to be adopted, and what another link of ours put there. */
  #demandOurs(fact: LinkFact, context: { readonly operation: string; readonly completed: number }): void {
    const mine = places(fact);
    for (const other of this.#facts.values()) {
      if (other.kind !== "link" || !places(other).some((place) => mine.includes(place))) continue;
      const isItself = factKey(other) === factKey(fact);
      if (isItself && (isOurs(other, fact) || fact.adopt === true || fact.alias === undefined)) continue;
      throw new KernelError({ ...context, errno: EEXIST, detail: "the link is not ours" });
    }
  }

  /** A link that is moved leaves the host's namespace. */
  #takeFromHost(fact: KernelFact, context: { readonly operation: string; readonly completed: number }): void {
    if (fact.kind !== "link" || fact.device.type !== "moved") return;
    const { from, maker } = fact.device;
    if (this.#facts.delete(linkKey(HOST, from))) return;
    throw new KernelError({ ...context, errno: ENODEV, detail: `there is no link ${from} of ${maker}` });
  }

  #giveBack(fact: KernelFact | undefined): void {
    if (fact?.kind !== "link" || fact.device.type !== "moved") return;
    const { from: name } = fact.device;
    const link: LinkFact = {
      kind: "link",
      namespace: HOST,
      name,
      device: { type: "unknown", kind: "veth" },
      up: false,
    };
    this.#facts.set(factKey(link), link);
  }

  #hasPlace(place: string): boolean {
    if (this.#facts.has(place) || place.endsWith(" lo")) return true;
    return [...this.#facts.values()].some((fact) => fact.kind === "link" && places(fact).includes(place));
  }

  #removeOurs(fact: KernelFact): void {
    const present = this.#facts.get(factKey(fact));
    const foreign = present?.kind === "link" && fact.kind === "link" && !isOurs(present, fact);
    if (foreign || fact.kind === "sysctl") return;
    this.#remove(factKey(fact));
    this.#giveBack(present);
  }

  /** What stands on the fact goes with it; ports of a bridge stay, without it. */
  #remove(key: string): void {
    const holders = new Holders([...this.#facts.values()]);
    const gone = new Set([key]);
    for (let size = 0; size !== gone.size;) {
      size = gone.size;
      for (const [other, fact] of this.#facts) {
        if (holders.of(fact).some((holder) => gone.has(holder)) || endsWithPeer(fact, gone)) gone.add(other);
      }
    }
    for (const one of gone) this.#facts.delete(one);
    for (const [other, port] of this.#facts) {
      if (port.kind !== "link" || port.master === undefined || !gone.has(linkKey(port.namespace, port.master)))
        continue;
      const { master: _, ...alone } = port;
      this.#facts.set(other, alone);
    }
  }

  #sysctl(namespace: NamespaceRef, key: string): string | undefined {
    const fact = this.#facts.get(factKey({ kind: "sysctl", namespace, key, value: "" }));
    return fact?.kind === "sysctl" ? fact.value : undefined;
  }

  #observation(namespace: NamespaceRef, sysctls: readonly string[]): Observation {
    const facts = [...this.#facts.values()];
    const here = facts.filter((fact) => fact.kind !== "namespace" && fact.namespace === namespace);
    const links = facts.flatMap((fact) => (fact.kind === "link" ? observedLinks(fact, namespace) : []));
    const values = sysctls.flatMap((key) => {
      const value = this.#sysctl(namespace, key);
      return value === undefined ? [] : [[key, value] as const];
    });
    return {
      namespace,
      links: links.map((link, index) => ({ ...link, index: index + 1 })),
      addresses: here.filter((fact) => fact.kind === "address"),
      routes: [
        ...here
          .filter((fact) => fact.kind === "route")
          .map((fact) => ({ ...fact, onLink: fact.gateway === undefined })),
        ...here
          .filter((fact) => fact.kind === "address")
          .map(({ link, address }) => ({ link, destination: networkOf(address), onLink: true })),
      ],
      neighbours: here.filter((fact) => fact.kind === "neighbour").map((fact) => ({ ...fact, permanent: true })),
      forwarding: here.filter((fact) => fact.kind === "forwarding").map((fact) => ({ ...fact, permanent: true })),
      sysctls: Object.fromEntries(values),
    };
  }
}

/** As the kernel thread sees it: it carries our mark, or the fact's own alias. */
function isOurs(present: LinkFact, fact: LinkFact): boolean {
  return present.alias !== undefined && (present.alias.startsWith(MARK) || present.alias === fact.alias);
}

/** The places that must be there first. */
function needs(fact: KernelFact): readonly string[] {
  if (fact.kind === "namespace") return [];
  const inside = fact.namespace === HOST ? [] : [namespaceKey(fact.namespace)];
  if (fact.kind === "sysctl") return inside;
  if (fact.kind !== "link") return [...inside, linkKey(fact.namespace, fact.link)];
  const peer = fact.device.type === "veth" ? fact.device.peer.namespace : HOST;
  return [
    ...inside,
    ...(peer === HOST ? [] : [namespaceKey(peer)]),
    ...(fact.master === undefined ? [] : [linkKey(fact.namespace, fact.master)]),
  ];
}

/** An adopted link stays its owner's. */
function merged(present: LinkFact, fact: LinkFact): LinkFact {
  const { alias, ...rest } = { ...fact, ...present, ...fact };
  const kept = fact.adopt === true ? present.alias : alias;
  return kept === undefined ? rest : { ...rest, alias: kept };
}

/** A veth pair ends with the namespace of either end. */
function endsWithPeer(fact: KernelFact, gone: ReadonlySet<string>): boolean {
  return fact.kind === "link" && fact.device.type === "veth" && gone.has(namespaceKey(fact.device.peer.namespace));
}

function observedLinks(fact: LinkFact, namespace: NamespaceRef): readonly Omit<ObservedLink, "index">[] {
  const { device } = fact;
  const type = device.type === "loopback" ? "" : device.type;
  const base = { type, mtu: fact.mtu ?? 1500, statistics: SILENT, ...observedVxlan(fact) };
  const own = fact.namespace === namespace ? [{ ...fact, ...base }] : [];
  if (device.type !== "veth" || device.peer.namespace !== namespace) return own;
  return [...own, { ...device.peer, ...base, mtu: device.peer.mtu ?? 1500 }];
}

function observedVxlan({ namespace, device }: LinkFact): Pick<ObservedLink, "vxlan"> {
  if (device.type !== "vxlan") return {};
  const { vni, port, local, learning, proxy = false, underlay = namespace } = device;
  const isAcross = underlay !== namespace;
  return { vxlan: { vni, port, learning, proxy, isAcross, ...(local === undefined ? {} : { local }) } };
}
