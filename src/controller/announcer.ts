/**
 * Tells neighbours where addresses are now: a container that takes over an address of another would else be talked to at the
 * other's station until neighbours' memories age. Said once at once and then again, as Docker does, for a frame may be lost:
 * three times, a second apart, unless the network's options say otherwise (libnetwork `osl/interface_linux.go`).
 */
import { EngineError, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { NetworkIntent } from "../drivers/intent.ts";
import { HOST, type NamespaceRef } from "../kernel/facts.ts";
import type { Announcement, Kernel } from "../kernel/kernel.ts";
import type { Join } from "./desired.ts";

const COUNT_OPTION = "com.docker.network.advertise_addr_nmsgs";
const INTERVAL_OPTION = "com.docker.network.advertise_addr_ms";
const COUNT = { default: 3, least: 0, most: 3 } as const;
const INTERVAL_MS = { default: 1000, least: 100, most: 2000 } as const;

interface Manner {
  readonly count: number;
  readonly intervalMs: number;
}

/** How a network wants it; throws `invalid-argument` with Docker's sentences for what it cannot want. */
export function announcementManner({ options }: Pick<NetworkIntent, "options">): Manner {
  return {
    count: numberOf(options, COUNT_OPTION, { ...COUNT, what: "an integer" }),
    intervalMs: numberOf(options, INTERVAL_OPTION, { ...INTERVAL_MS, what: "integer milliseconds" }),
  };
}

interface Range {
  readonly default: number;
  readonly least: number;
  readonly most: number;
  readonly what: string;
}

function numberOf(options: NetworkIntent["options"], key: string, range: Range): number {
  const text = options[key];
  if (text === undefined) return range.default;
  if (!/^[+-]?\d{1,9}$/.test(text)) {
    throw new EngineError("invalid-argument", `value for option ${key} ${JSON.stringify(text)} must be ${range.what}`);
  }
  const value = Number(text);
  if (value >= range.least && value <= range.most) return value;
  throw new EngineError("invalid-argument", `${key} must be in the range ${range.least} to ${range.most}`);
}

export class Announcer implements Disposable {
  readonly #kernel: Pick<Kernel, "announce">;
  readonly #log: Log;
  readonly #timers = new Map<NodeJS.Timeout, NamespaceRef>();

  constructor(parts: { readonly kernel: Pick<Kernel, "announce">; readonly log: Log }) {
    this.#kernel = parts.kernel;
    this.#log = parts.log;
  }

  /** Resolves once it was said for the first time. Neighbours learn without it too, only later: failures are logged. */
  async announce(namespace: NamespaceRef, joins: readonly Join[]): Promise<void> {
    if (namespace === HOST) return;
    for (const [manner, group] of byManner(joins)) await this.#say(namespace, group, manner);
  }

  /** Says nothing more for a namespace that is about to go. */
  forget(namespace: NamespaceRef): void {
    for (const [timer, of] of this.#timers) {
      if (of === namespace) this.#cancel(timer);
    }
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers.keys()) this.#cancel(timer);
  }

  async #say(namespace: NamespaceRef, what: readonly Announcement[], { count, intervalMs }: Manner): Promise<void> {
    if (count === 0 || what.length === 0) return;
    await this.#kernel.announce(namespace, what).catch((cause: unknown) => {
      this.#log.debug({ namespace, reason: messageOf(cause) }, "addresses were not announced");
    });
    if (count === 1) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#say(namespace, what, { count: count - 1, intervalMs });
    }, intervalMs);
    this.#timers.set(timer.unref(), namespace);
  }

  #cancel(timer: NodeJS.Timeout): void {
    clearTimeout(timer);
    this.#timers.delete(timer);
  }
}

/** What is said in the same manner is said together. */
function byManner(joins: readonly Join[]): readonly (readonly [Manner, readonly Announcement[]])[] {
  const groups = Map.groupBy(joins, ({ network }) => {
    const { count, intervalMs } = announcementManner(network);
    return `${count} ${intervalMs}`;
  });
  return [...groups.values()].flatMap((group) =>
    group.slice(0, 1).map(({ network }) => [announcementManner(network), group.flatMap(announcementOf)] as const),
  );
}

function announcementOf({ endpoint }: Join): readonly Announcement[] {
  const { mac, addresses, attachment, linkLocal } = endpoint;
  const link = attachment?.interfaceName ?? "";
  if (mac === undefined || link === "") return [];
  return [{ link, mac, addresses: [...addresses.map(({ address }) => address), ...linkLocal] }];
}
