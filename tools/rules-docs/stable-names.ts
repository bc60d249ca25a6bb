/**
 * What the engine or the kernel picks by chance (ids of networks, ports of a container's resolver), replaced by fixed stand-ins
 * of the same shape, so that a page changes only when the rules do.
 */

/** Ids of the networks of a page, in the order in which they were made. */
const STAND_INS = ["0123456789ab", "ba9876543210"];

/** How a DNS redirect names its ports in either tool, by protocol. */
const RESOLVER_PORTS: readonly (readonly [RegExp, string])[] = [
  [/(-p tcp .*--to-destination 127\.0\.0\.11):\d+/g, "$1:40001"],
  [/(-p udp .*--to-destination 127\.0\.0\.11):\d+/g, "$1:40002"],
  [/(-s 127\.0\.0\.11\/32 -p tcp -m tcp --sport) \d+/g, "$1 40001"],
  [/(-s 127\.0\.0\.11\/32 -p udp -m udp --sport) \d+/g, "$1 40002"],
  [/(ip daddr 127\.0\.0\.11 tcp dport 53 dnat to 127\.0\.0\.11):\d+/g, "$1:40001"],
  [/(ip daddr 127\.0\.0\.11 udp dport 53 dnat to 127\.0\.0\.11):\d+/g, "$1:40002"],
  [/(ip saddr 127\.0\.0\.11 tcp sport) \d+/g, "$1 40001"],
  [/(ip saddr 127\.0\.0\.11 udp sport) \d+/g, "$1 40002"],
];

export class StableNames {
  readonly #standIns = new Map<string, string>();

  /** Takes note of the ids of networks in what a command printed. */
  learn(printed: string): void {
    for (const [id] of printed.matchAll(/^[0-9a-f]{64}$/gm)) {
      this.#standIns.set(id.slice(0, 12), STAND_INS[this.#standIns.size] ?? id.slice(0, 12));
    }
  }

  apply(text: string): string {
    const named = [...this.#standIns].reduce((sofar, [id, standIn]) => sofar.replaceAll(id, standIn), text);
    return RESOLVER_PORTS.reduce((sofar, [pattern, standIn]) => sofar.replaceAll(pattern, standIn), named);
  }
}
