/**
 * A strict model of what the kernel does with steps, for tests of plans: a step whose ground is missing is refused, a place
 * that is taken is refused, and removal takes with it what the kernel would take.
 */
import { isDeepStrictEqual } from "node:util";
import { HOST, type KernelFact, type LinkFact } from "../facts.ts";
import type { Step } from "../step.ts";
import { factKey, linkKey, namespaceKey } from "./fact-key.ts";
import { Holders, occupies } from "./holders.ts";

export class ModelKernel {
  readonly #facts = new Map<string, KernelFact>();

  /** What holds now. */
  facts(): ReadonlyMap<string, KernelFact> {
    return new Map(this.#facts);
  }

  /**
   * Throws where a kernel would refuse, and, unless absence is allowed, on the removal of what is not there; neighbours may
   * have been flushed.
   */
  apply(steps: readonly Step[], { absenceAllowed = false } = {}): void {
    for (const { action, fact } of steps) {
      if (action === "ensure") this.#ensure(fact);
      else if (this.#facts.has(factKey(fact))) this.#remove(fact);
      else if (!absenceAllowed && fact.kind !== "neighbour")
        throw new Error(`${factKey(fact)} is removed and not there`);
    }
  }

  #ensure(fact: KernelFact): void {
    this.#demandGround(fact);
    const key = factKey(fact);
    const old = this.#facts.get(key);
    if (fact.kind === "link") this.#demandFreePlace(fact);
    this.#facts.set(key, fact);
    if (fact.kind === "link" && old !== undefined && !isDeepStrictEqual(old, fact)) this.#flushNeighbours(key);
  }

  #demandGround(fact: KernelFact): void {
    if (fact.kind === "namespace") return;
    const need = (key: string): void => {
      if (!this.#facts.has(key)) throw new Error(`${factKey(fact)} needs ${key}`);
    };
    const needNamespace = (path: string): void => (path === HOST ? undefined : need(namespaceKey(path)));
    needNamespace(fact.namespace);
    if (fact.kind === "link" && fact.master !== undefined) need(linkKey(fact.namespace, fact.master));
    if (fact.kind === "link" && fact.device.type === "veth") needNamespace(fact.device.peer.namespace);
    const standsOnLink = fact.kind === "address" || fact.kind === "route" || fact.kind === "neighbour";
    if (standsOnLink && !this.#links().some((link) => occupies(link).includes(linkKey(fact.namespace, fact.link)))) {
      throw new Error(`${factKey(fact)} needs its link`);
    }
  }

  #demandFreePlace(fact: LinkFact): void {
    const mine = new Set(occupies(fact));
    for (const link of this.#links()) {
      const isItself = factKey(link) === factKey(fact);
      const clash = occupies(link).find((place) => mine.has(place));
      if (!isItself && clash !== undefined) throw new Error(`${factKey(fact)} finds ${clash} taken`);
      if (isItself && !isDeepStrictEqual(occupies(link), occupies(fact))) {
        throw new Error(`${factKey(fact)} cannot move in place`);
      }
    }
  }

  #remove(fact: KernelFact): void {
    const holders = new Holders([...this.#facts.values()]);
    const doomed = new Set([factKey(fact)]);
    for (let size = 0; size !== doomed.size;) {
      size = doomed.size;
      for (const [key, held] of this.#facts) if (holders.of(held).some((holder) => doomed.has(holder))) doomed.add(key);
    }
    for (const key of doomed) this.#facts.delete(key);
    for (const [key, port] of this.#facts) {
      if (port.kind !== "link" || port.master === undefined || !doomed.has(linkKey(port.namespace, port.master)))
        continue;
      const { master: _, ...orphan } = port;
      this.#facts.set(key, orphan);
    }
  }

  /** As NETDEV_CHANGEADDR does. */
  #flushNeighbours(link: string): void {
    const holders = new Holders([...this.#facts.values()]);
    for (const [key, fact] of this.#facts) {
      if (fact.kind === "neighbour" && holders.of(fact).includes(link)) this.#facts.delete(key);
    }
  }

  #links(): readonly LinkFact[] {
    return [...this.#facts.values()].filter((fact) => fact.kind === "link");
  }
}
