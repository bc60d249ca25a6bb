/** All flags in one table, with look-up by flag name and by key of daemon.json. */
import { CLUSTER_FLAGS } from "./cluster-flags.ts";
import { CONTAINER_FLAGS } from "./container-flags.ts";
import { DAEMON_FLAGS } from "./daemon-flags.ts";
import { keyOf } from "./flag.ts";
import type { Flag } from "./flag.ts";
import { NETWORK_FLAGS } from "./network-flags.ts";

export const FLAGS: readonly Flag[] = [...DAEMON_FLAGS, ...NETWORK_FLAGS, ...CLUSTER_FLAGS, ...CONTAINER_FLAGS].sort(
  (a, b) => (a.name < b.name ? -1 : 1),
);

/** Older spellings of keys that dockerd still reads. */
const OLD_KEYS: Readonly<Record<string, string>> = {
  "host-gateway-ip": "host-gateway-ips",
  "containerd-plugin-namespace": "containerd-plugins-namespace",
};

const byName = new Map(FLAGS.map((flag) => [flag.name, flag]));
const byKey = new Map(FLAGS.map((flag) => [keyOf(flag), flag]));

export function flagNamed(name: string): Flag | undefined {
  const flag = byName.get(name);
  return flag?.fileOnly === true ? undefined : flag;
}

/** The flag that a key of daemon.json stands for. */
export function flagForKey(key: string): Flag | undefined {
  return byKey.get(OLD_KEYS[key] ?? key);
}
