/**
 * The daemon's configuration as values: settings that were text become addresses, prefixes and paths, and combinations that
 * cannot work are refused with dockerd's sentences. Whoever holds a `DaemonConfig` need not check anything again.
 */
import { isAbsolute } from "node:path";
import type { Prefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import type { NetworkSettings } from "../controller/options.ts";
import { resolveCluster, type ClusterConfig } from "./cluster-config.ts";
import type { Settings } from "./flags/settings.ts";
import { parseListenAddress, refuseOpenTcp } from "./listen/listen-address.ts";
import type { ListenAddress } from "./listen/listen-address.ts";
import { parseMetricsAddress, type MetricsAddress } from "./metrics/metrics-server.ts";
import { resolveNetwork } from "./network-config.ts";

export interface DaemonConfig {
  readonly listen: readonly ListenAddress[];
  /** Group of unix sockets; `required` when the user named it. */
  readonly group: { readonly name: string; readonly required: boolean };
  readonly tls?: TlsFiles;
  readonly dataRoot: string;
  readonly execRoot: string;
  /** Absent: none is written. */
  readonly pidFile?: string;
  readonly log: { readonly level: LogLevel; readonly format: "text" | "json" };
  readonly labels: readonly string[];
  readonly liveRestore: boolean;
  readonly experimental: boolean;
  readonly shutdownTimeoutMs: number;
  readonly containerdAddress?: string;
  readonly cgroupParent?: string;
  readonly network: NetworkSettings;
  readonly addressPools?: readonly { readonly base: Prefix; readonly size: number }[];
  readonly iptables: boolean;
  readonly ip6tables: boolean;
  readonly forwardWithoutDrop: boolean;
  readonly firewallBackend: "iptables" | "nftables";
  /** `--plugin-timeout`: for one call of a network or IPAM plugin. */
  readonly pluginTimeoutMs: number;
  /** The user chose the default bridge: whatever else runs here is no accident. */
  readonly bridgeChosen: boolean;
  /** Where Prometheus may ask; absent: nowhere. */
  readonly metrics?: MetricsAddress;
  /** Absent: this host shares nothing with others. */
  readonly cluster?: ClusterConfig;
}

export type LogLevel = "debug" | "info" | "warn" | "error" | "fatal";

export interface TlsFiles {
  readonly ca?: string;
  readonly cert: string;
  readonly key: string;
  /** Clients must show a certificate that the CA signed. */
  readonly verify: boolean;
}

const DEFAULT_HOST = "unix:///run/causeway.sock";
const LOG_LEVELS: Readonly<Record<string, LogLevel>> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warn: "warn",
  error: "error",
  fatal: "fatal",
  panic: "fatal",
};

/** Throws EngineError `invalid-argument` for anything that cannot work. */
export function resolveConfig(settings: Settings): DaemonConfig {
  const tls = resolveTls(settings);
  const hosts = settings.list("host");
  const listen = (hosts.length > 0 ? hosts : [DEFAULT_HOST]).map((host) => parseListenAddress(host, tls !== undefined));
  refuseOpenTcp(listen, { verified: tls?.verify === true, insecureLoopback: settings.flag("insecure-tcp-loopback") });
  const pidFile = settings.text("pidfile");
  const containerdAddress = settings.text("containerd");
  const cgroupParent = settings.text("cgroup-parent");
  const cluster = resolveCluster(settings);
  const metrics = settings.text("metrics-addr");
  return {
    listen,
    group: { name: settings.text("group") ?? "", required: settings.isSet("group") },
    ...(tls !== undefined && { tls }),
    dataRoot: absolute(settings, "data-root"),
    execRoot: absolute(settings, "exec-root"),
    ...(pidFile !== undefined && { pidFile: absolute(settings, "pidfile") }),
    log: { level: resolveLogLevel(settings), format: resolveLogFormat(settings) },
    labels: resolveLabels(settings.list("label")),
    liveRestore: settings.flag("live-restore"),
    experimental: settings.flag("experimental"),
    shutdownTimeoutMs: resolveTimeout(settings),
    ...(containerdAddress !== undefined && { containerdAddress: containerdAddress.replace(/^unix:\/\//, "") }),
    ...(cgroupParent !== undefined && { cgroupParent }),
    ...resolveNetwork(settings),
    bridgeChosen: settings.isSet("bridge"),
    ...(metrics !== undefined && { metrics: parseMetricsAddress(metrics) }),
    ...(cluster !== undefined && { cluster }),
  };
}

function refuse(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}

function absolute(settings: Settings, name: string): string {
  const path = settings.textOf(name);
  if (!isAbsolute(path)) throw refuse(`--${name} must be an absolute path: ${path}`);
  return path.length > 1 ? path.replace(/\/+$/, "") : path;
}

/** `--tlsverify` implies TLS; TLS without an explicit `--tlsverify=false` verifies, as dockerd has it. */
function resolveTls(settings: Settings): TlsFiles | undefined {
  const wanted = settings.isSet("tlsverify") || settings.flag("tls");
  if (!wanted) return undefined;
  const verify = settings.isSet("tlsverify") ? settings.flag("tlsverify") : true;
  const [ca, cert, key] = [settings.text("tlscacert"), settings.text("tlscert"), settings.text("tlskey")];
  if (cert === undefined || key === undefined || (verify && ca === undefined)) {
    throw refuse(`TLS needs --tlscert, --tlskey${verify ? " and --tlscacert" : ""}`);
  }
  return { cert, key, verify, ...(ca !== undefined && { ca }) };
}

function resolveLogLevel(settings: Settings): LogLevel {
  const name = settings.textOf("log-level");
  const level = LOG_LEVELS[name.toLowerCase()];
  if (level === undefined) throw refuse(`invalid logging level: ${name}`);
  return settings.flag("debug") ? "debug" : level;
}

function resolveLogFormat(settings: Settings): "text" | "json" {
  const format = settings.textOf("log-format");
  if (format !== "text" && format !== "json") throw refuse(`invalid log format: ${format}`);
  return format;
}

/** Equal labels count once; one key with two values contradicts itself. */
function resolveLabels(labels: readonly string[]): readonly string[] {
  const values = new Map<string, string>();
  for (const label of labels) {
    const at = label.indexOf("=");
    if (at < 1) throw refuse(`bad attribute format: ${label}`);
    const [key, value] = [label.slice(0, at), label.slice(at + 1)];
    const other = values.get(key);
    if (other !== undefined && other !== value) {
      throw refuse(`conflict labels for ${key}=${value} and ${key}=${other}`);
    }
    values.set(key, value);
  }
  return [...values].map(([key, value]) => `${key}=${value}`);
}

/** Negative waits for ever in dockerd; every wait of ours has an end, which is then a day. */
function resolveTimeout(settings: Settings): number {
  const seconds = settings.number("shutdown-timeout");
  return seconds < 0 ? 86_400_000 : seconds * 1000;
}
