/**
 * The cluster part of the configuration, with the checks and sentences of dockerd 20.10 (`daemon/config`, `daemon/discovery`).
 * Whether the advertised address is this host's can be said only where the daemon runs (`cluster-advertise.ts`).
 */
import { isAbsolute } from "node:path";
import { isLoopback, isUnspecified, tryParseAddress, type IpAddress } from "../addr/ip-address.ts";
import { EngineError } from "../base/errors.ts";
import { formatStoreAddress, parseClusterStoreUrl } from "../cluster/store-address.ts";
import { DEFAULT_TIMES } from "../cluster/options.ts";
import type { ClusterTls } from "../controller/shared/cluster-settings.ts";
import type { Settings } from "./flags/settings.ts";

export interface ClusterConfig {
  /** With every port: "etcd://10.0.0.1:2379/prefix". */
  readonly store: string;
  readonly tls?: ClusterTls;
  readonly ttlMs: number;
  readonly graceMs: number;
  readonly advertise: Advertised;
}

/** `--cluster-advertise`, before anybody looked at the host. */
export interface Advertised {
  /** As given: "10.0.0.1:2376", "eth1:2376". */
  readonly text: string;
  readonly at: { readonly address: IpAddress } | { readonly interface: string };
  readonly port: number;
}

const DEFAULT_HEARTBEAT_S = 20;
/** A host may miss two heartbeats; the store's sessions are kept alive at that pace. */
const TTL_FACTOR = 3;
const TLS_OPTIONS = ["kv.cacertfile", "kv.certfile", "kv.keyfile"] as const;
const OPTIONS: readonly string[] = [
  ...TLS_OPTIONS,
  "kv.path",
  "discovery.heartbeat",
  "discovery.ttl",
  "discovery.grace",
];

/** Undefined where no store is named: this host shares nothing. Throws `invalid-argument`. */
export function resolveCluster(settings: Settings): ClusterConfig | undefined {
  const store = settings.text("cluster-store");
  const advertise = settings.text("cluster-advertise");
  const options = settings.pairs("cluster-store-opt");
  if (store === undefined) {
    if (advertise !== undefined) {
      throw refuse(
        "invalid cluster configuration. --cluster-advertise must be accompanied by --cluster-store configuration",
      );
    }
    if (options.size === 0) return undefined;
    throw refuse(
      "invalid cluster configuration. --cluster-store-opt must be accompanied by --cluster-store configuration",
    );
  }
  const address = formatStoreAddress(parseClusterStoreUrl(store));
  if (advertise === undefined) {
    throw refuse(
      "invalid cluster configuration. --cluster-store must be accompanied by --cluster-advertise ADDRESS:PORT or INTERFACE:PORT, where other hosts reach this one",
    );
  }
  const unknown = [...options.keys()].find((name) => !OPTIONS.includes(name));
  if (unknown !== undefined)
    throw refuse(`--cluster-store-opt: unknown option ${unknown}; known: ${OPTIONS.join(", ")}`);
  const tls = resolveTls(options);
  const graceS = seconds(options, "discovery.grace");
  return {
    store: address,
    ...(tls && { tls }),
    ttlMs: resolveTtlMs(options),
    graceMs: graceS === undefined ? DEFAULT_TIMES.graceMs : graceS * 1000,
    advertise: parseAdvertise(advertise),
  };
}

/** A sentence for each option that is accepted without effect. */
export function clusterNotes(settings: Settings): readonly string[] {
  const options = settings.pairs("cluster-store-opt");
  const notes: string[] = [];
  if (options.has("kv.path")) {
    notes.push(
      "--cluster-store-opt kv.path is accepted for dockerd's sake and has no effect here: hosts are below the store's prefix",
    );
  }
  if (options.has("discovery.heartbeat") && options.has("discovery.ttl")) {
    notes.push(
      "--cluster-store-opt discovery.heartbeat has no effect beside discovery.ttl: a host is heard of three times in that time",
    );
  }
  return notes;
}

function refuse(message: string): EngineError {
  return new EngineError("invalid-argument", message);
}

/** dockerd took anything less than all three for a wish to go without TLS; nobody who names a key means that. */
function resolveTls(options: ReadonlyMap<string, string>): ClusterTls | undefined {
  const named = TLS_OPTIONS.filter((name) => (options.get(name) ?? "") !== "");
  if (named.length === 0) return undefined;
  if (named.length < TLS_OPTIONS.length) {
    throw refuse(`--cluster-store-opt: TLS needs ${TLS_OPTIONS.join(", ")}; only ${named.join(" and ")} given`);
  }
  const [ca = "", cert = "", key = ""] = named.map((name) => {
    const path = options.get(name) ?? "";
    if (!isAbsolute(path)) throw refuse(`--cluster-store-opt: ${name} must be an absolute path: ${path}`);
    return path;
  });
  return { ca, cert, key };
}

/** Follows from the heartbeat where it is not given. */
function resolveTtlMs(options: ReadonlyMap<string, string>): number {
  const ttl = seconds(options, "discovery.ttl");
  const heartbeat = seconds(options, "discovery.heartbeat");
  if (ttl === undefined) return (heartbeat ?? DEFAULT_HEARTBEAT_S) * TTL_FACTOR * 1000;
  if (heartbeat !== undefined && ttl <= heartbeat) {
    throw refuse("discovery.ttl timer must be greater than discovery.heartbeat");
  }
  return ttl * 1000;
}

/** A day at most: what is longer is a mistake, and more than timers hold. */
const MAX_SECONDS = 86_400;

function seconds(options: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = options.get(name);
  if (text === undefined) return undefined;
  if (!/^[+-]?\d{1,15}$/.test(text)) throw refuse(`${name}: strconv.Atoi: parsing "${text}": invalid syntax`);
  if (Number(text) <= 0) throw refuse(`${name} must be positive`);
  if (Number(text) > MAX_SECONDS) throw refuse(`${name} must be at most ${MAX_SECONDS} seconds: ${text}`);
  return Number(text);
}

/** `ADDRESS:PORT`, `[ADDRESS]:PORT` or `INTERFACE:PORT`. */
export function parseAdvertise(text: string): Advertised {
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d*)$/.exec(text);
  if (parts === null) throw refuse(`invalid --cluster-advertise configuration: ${text}: ${addressFault(text)}`);
  const [, bracketed, plain = "", digits = ""] = parts;
  const where = bracketed ?? plain;
  const port = Number(digits);
  if (digits === "" || digits.length > 5 || port < 1 || port > 65_535) {
    throw refuse(`invalid --cluster-advertise configuration: ${text}: the port must be 1 to 65535`);
  }
  const address = tryParseAddress(where);
  if (address === undefined) {
    if (bracketed === undefined && where !== "") return { text, at: { interface: where }, port };
    throw refuse(`invalid cluster advertise IP address or interface name (${text})`);
  }
  if (isUnspecified(address) || isLoopback(address)) {
    throw refuse(`invalid --cluster-advertise configuration: ${text}: other hosts cannot reach ${where}`);
  }
  return { text, at: { address }, port };
}

/** In the words of Go's `net.SplitHostPort`. */
function addressFault(text: string): string {
  const colons = text.replace(/^\[[^\]]*\]/, "").split(":").length - 1;
  return `address ${text}: ${colons === 0 ? "missing port in address" : "too many colons in address"}`;
}
