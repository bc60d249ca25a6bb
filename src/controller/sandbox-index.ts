/** Which sandboxes are a container's, and which have a link to it: so that a container that comes or goes is noticed by those. */
import type { SandboxIntent } from "./sandbox-intent.ts";

const NONE: ReadonlySet<string> = new Set();

export class SandboxIndex {
  readonly #byContainer = new Map<string, Set<string>>();
  readonly #byLink = new Map<string, Set<string>>();

  /** Sandbox ids. A container that is replaced while its old stack is removed has two. */
  ofContainer(containerId: string): ReadonlySet<string> {
    return this.#byContainer.get(containerId) ?? NONE;
  }

  /** Sandbox ids of the parents. */
  linkedTo(containerId: string): ReadonlySet<string> {
    return this.#byLink.get(containerId) ?? NONE;
  }

  add(sandbox: SandboxIntent): void {
    put(this.#byContainer, sandbox.containerId, sandbox.id);
    for (const { containerId } of sandbox.links) put(this.#byLink, containerId, sandbox.id);
  }

  remove(sandbox: SandboxIntent): void {
    take(this.#byContainer, sandbox.containerId, sandbox.id);
    for (const { containerId } of sandbox.links) take(this.#byLink, containerId, sandbox.id);
  }
}

function put(index: Map<string, Set<string>>, key: string, id: string): void {
  index.set(key, (index.get(key) ?? new Set()).add(id));
}

function take(index: Map<string, Set<string>>, key: string, id: string): void {
  const ids = index.get(key);
  ids?.delete(id);
  if (ids?.size === 0) index.delete(key);
}
