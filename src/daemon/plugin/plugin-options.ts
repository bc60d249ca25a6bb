/** The command line of `causeway plugin`: its flags are causewayd's where they mean the same, with the same checks. */
import { isAbsolute } from "node:path";
import { parseArgs } from "node:util";
import { EngineError } from "../../base/errors.ts";
import type { Json } from "../../store/store.ts";
import { resolveCluster, type ClusterConfig } from "../cluster-config.ts";
import type { LogLevel } from "../config.ts";
import { Settings } from "../flags/settings.ts";

export interface PluginConfig {
  /** Absent: bridge networks of this host only. */
  readonly cluster?: ClusterConfig;
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly socketPath: string;
  readonly dockerSocket: string;
  readonly log: { readonly level: LogLevel; readonly format: "text" | "json" };
}

const FLAGS = {
  "cluster-store": { type: "string" },
  "cluster-store-opt": { type: "string", multiple: true },
  "cluster-advertise": { type: "string" },
  "data-root": { type: "string", default: "/var/lib/causeway-plugin" },
  "exec-root": { type: "string", default: "/run/causeway-plugin" },
  socket: { type: "string", default: "/run/docker/plugins/causeway.sock" },
  "docker-socket": { type: "string", default: "/run/docker.sock" },
  debug: { type: "boolean", short: "D", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

export const PLUGIN_HELP = `Usage:  causeway plugin [--cluster-store URL --cluster-advertise ADDRESS:PORT] [OPTIONS]

A plugin of dockerd: networks that plain Docker hosts share, through a store that they have in common.

  causeway plugin --cluster-store etcd://10.0.0.1:2379 --cluster-advertise eth0:2376
  docker network create -d causeway --ipam-driver causeway --ipam-opt causeway.network=shop shop
  docker run --network shop --dns 127.0.0.12 ...

The same on every host; then containers reach each other by address and by name. Name servers can be
given for all containers in /etc/docker/daemon.json: "dns": ["127.0.0.12", "192.0.2.53"].

Options:
      --cluster-store URL         Store that hosts share their networks through: etcd://, consul:// or
                                  zk://HOST:PORT[,HOST:PORT...][/PREFIX]
      --cluster-store-opt K=V     Options of the store (kv.cacertfile, kv.certfile, kv.keyfile,
                                  discovery.heartbeat, discovery.ttl)
      --cluster-advertise A:PORT  Address or interface, and port, under which other hosts reach this one
      --data-root DIR             Persistent state (default "${FLAGS["data-root"].default}")
      --exec-root DIR             Execution state (default "${FLAGS["exec-root"].default}")
      --socket PATH               Where dockerd finds the plugin (default "${FLAGS.socket.default}")
      --docker-socket PATH        Where dockerd is asked for containers' names (default "${FLAGS["docker-socket"].default}")
  -D, --debug                     Log more
  -h, --help                      Print usage

Network options, with --ipam-opt, or with -o where --subnet is given:
      causeway.network=NAME       The network's name in the cluster: networks of one name are one network
      causeway.driver=DRIVER      overlay, or bridge: a network of this host alone, with any --ipam-driver
                                  (with -o; for a subnet of Causeway's choice with --ipam-opt too)

Further -o options are those of the overlay driver (com.docker.network.driver.mtu, ...).
`;

/** "help" when that was asked for. Throws `invalid-argument` for anything that cannot work. */
export function parsePluginOptions(args: readonly string[]): PluginConfig | "help" {
  const values = parsed(args);
  if (values.help) return "help";
  const given = Object.entries(values).filter(([name]) => name.startsWith("cluster-"));
  const cluster = resolveCluster(new Settings(new Map<string, Json>(given)));
  return {
    ...(cluster !== undefined && { cluster }),
    dataRoot: absolute("data-root", values["data-root"]),
    execRoot: absolute("exec-root", values["exec-root"]),
    socketPath: absolute("socket", values.socket),
    dockerSocket: absolute("docker-socket", values["docker-socket"]),
    log: { level: values.debug ? "debug" : "info", format: "text" },
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS }).values;
  } catch (cause) {
    throw EngineError.wrap(cause, "command line");
  }
}

function absolute(name: string, path: string): string {
  if (isAbsolute(path)) return path;
  throw refuse(`--${name} must be an absolute path: ${path}`);
}

function refuse(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}
