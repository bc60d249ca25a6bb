/**
 * The firewall over nf_tables, sent over netlink by ourselves: no process is started. In the host's namespace everything is
 * in a table `causeway` of our own per family, whose rules are always the same; a change is one transaction that adds and
 * removes elements of its sets. What is there is remembered, not read. Where the memory proves wrong, the kernel refuses the
 * transaction; then the table is read, and what differs is mended. Start-up (`reconcile`) always reads first. Inside a
 * sandbox there is a table `causeway-dns`, made and removed as a whole. docs/decisions/0005-nftables-layout.md.
 */
import { EngineError, messageOf } from "../../base/errors.ts";
import { KeyedMutex } from "../../base/keyed-mutex.ts";
import type { Family } from "../../addr/ip-address.ts";
import { HOST, type NamespaceRef } from "../../kernel/facts.ts";
import type { Firewall, Policy, PolicyChange } from "../firewall.ts";
import { checkPolicy } from "../policy-check.ts";
import { TABLE } from "./frame.ts";
import { HostTable } from "./host-table.ts";
import type { NftablesOptions } from "./options.ts";
import { SandboxTable } from "./sandbox-table.ts";

/** Throws `unavailable` when the kernel has no nf_tables. Changes nothing until `reconcile` or `apply`. */
export async function openNftablesFirewall(options: NftablesOptions): Promise<Firewall> {
  try {
    await options.kernel.readNftables(HOST, { family: 4, table: TABLE });
  } catch (cause) {
    const cure = "--firewall-backend=iptables and --iptables=false do without";
    throw new EngineError("unavailable", `use nf_tables (${cure}): ${messageOf(cause)}`, { cause });
  }
  return new NftablesFirewall(options);
}

/** One ruleset: policies in, transactions out. */
interface Part {
  reconcile(policies: readonly Policy[]): Promise<{ readonly added: number; readonly removed: number }>;
  /** Returns how to take it back. */
  change(change: PolicyChange): Promise<() => Promise<void>>;
}

class NftablesFirewall implements Firewall {
  readonly backend = "nftables";
  readonly #options: NftablesOptions;
  readonly #mutex = new KeyedMutex();
  readonly #hosts: ReadonlyMap<Family, HostTable>;
  /** Only those that have a redirect. */
  readonly #sandboxes = new Map<NamespaceRef, SandboxTable>();
  #closed = false;

  constructor(options: NftablesOptions) {
    this.#options = options;
    const ours: readonly Family[] = options.ip6 ? [4, 6] : [4];
    const families = options.hostRules === false ? [] : ours;
    this.#hosts = new Map(families.map((family) => [family, new HostTable(options, family)]));
  }

  async reconcile(policies: readonly Policy[]): Promise<{ readonly added: number; readonly removed: number }> {
    const wanted = Map.groupBy(this.#accept(policies), placeOf);
    const places = [...this.#hosts.keys(), ...new Set([...this.#sandboxes.keys(), ...sandboxesIn(wanted.keys())])];
    return this.#mutex.run(places.map(String), async () => {
      const total = { added: 0, removed: 0 };
      for (const place of places) {
        const { added, removed } = await this.#in(place, (part) => part.reconcile(wanted.get(place) ?? []));
        total.added += added;
        total.removed += removed;
      }
      return total;
    });
  }

  async repair(): Promise<{ readonly added: number; readonly removed: number }> {
    const total = { added: 0, removed: 0 };
    for (const [family, table] of this.#hosts) {
      const { added, removed } = await this.#mutex.run([String(family)], () => this.#in(family, () => table.repair()));
      total.added += added;
      total.removed += removed;
    }
    return total;
  }

  async apply(change: PolicyChange): Promise<void> {
    const add = Map.groupBy(this.#accept(change.add), placeOf);
    const remove = Map.groupBy(this.#accept(change.remove), placeOf);
    const places = [...new Set([...remove.keys(), ...add.keys()])];
    await this.#mutex.run(places.map(String), async () => {
      const undo: (() => Promise<void>)[] = [];
      for (const place of places) {
        const here = { add: add.get(place) ?? [], remove: remove.get(place) ?? [] };
        try {
          undo.push(await this.#in(place, (part) => part.change(here)));
        } catch (cause) {
          await this.#undoAll(undo);
          throw cause;
        }
      }
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  /** The policies that are ours to carry out, checked. */
  #accept(policies: readonly Policy[]): readonly Policy[] {
    if (this.#closed) throw new EngineError("unavailable", "the firewall is closed");
    policies.forEach(checkPolicy);
    return policies.filter((policy) => policy.kind === "dns-redirect" || this.#hosts.has(policy.family));
  }

  async #in<T>(place: Place, body: (part: Part) => Promise<T>): Promise<T> {
    const part = this.#partAt(place);
    try {
      return await body(part);
    } catch (cause) {
      throw EngineError.wrap(cause, describe(place));
    } finally {
      if (part instanceof SandboxTable && part.isEmpty) this.#sandboxes.delete(part.namespace);
    }
  }

  #partAt(place: Place): HostTable | SandboxTable {
    if (typeof place === "number") {
      const host = this.#hosts.get(place);
      if (host === undefined) throw new EngineError("internal", `no IPv${place} rules are kept`);
      return host;
    }
    const table = this.#sandboxes.get(place) ?? new SandboxTable(this.#options.kernel, place);
    this.#sandboxes.set(place, table);
    return table;
  }

  async #undoAll(undo: readonly (() => Promise<void>)[]): Promise<void> {
    for (const step of undo.toReversed()) {
      try {
        await step();
      } catch (cause) {
        this.#options.log.error({ err: cause }, "a firewall change could not be taken back");
      }
    }
  }
}

/** The host's ruleset of a family, or a sandbox's. */
type Place = Family | NamespaceRef;

function placeOf(policy: Policy): Place {
  return policy.kind === "dns-redirect" ? policy.namespace : policy.family;
}

function sandboxesIn(places: Iterable<Place>): readonly NamespaceRef[] {
  return [...places].filter((place) => typeof place === "string");
}

function describe(place: Place): string {
  return typeof place === "number"
    ? `change IPv${place} firewall rules in the host's namespace`
    : `change firewall rules in ${place}`;
}
