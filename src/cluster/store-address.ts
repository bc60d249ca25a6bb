/**
 * Where the cluster's store is, as `--cluster-store` says it (`etcd://h1:2379,h2:2379/prefix`), read into values; and what each
 * store's opener is given. Docker's form and words (`pkg/discovery`), but for stores and parts that it passed on unseen.
 */
import { isIP } from "node:net";
import { EngineError } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { validateKey } from "./transaction-limits.ts";

export type StoreProvider = "etcd" | "consul" | "zk";

export interface StoreHost {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface StoreAddress {
  readonly provider: StoreProvider;
  readonly hosts: readonly [StoreHost, ...StoreHost[]];
  /** Before every key, without slashes around it; empty for none. */
  readonly prefix: string;
}

/** PEM texts. */
export interface StoreTls {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** What `openEtcdStore`, `openConsulStore` and `openZookeeperStore` are given. They open at once, whether or not the store answers. */
export interface StoreOptions {
  readonly hosts: readonly [StoreHost, ...StoreHost[]];
  readonly prefix: string;
  readonly tls?: StoreTls;
  readonly log: Log;
}

const DEFAULT_PORTS: Readonly<Record<StoreProvider, number>> = { etcd: 2379, consul: 8500, zk: 2181 };
const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*\.?$/;
const LONGEST_PREFIX = 256;

/** Throws `invalid-argument` with what is wrong. */
export function parseClusterStoreUrl(text: string): StoreAddress {
  const [scheme = "", rest, ...more] = text.split("://");
  if (scheme === "" || rest === undefined || rest === "" || more.length > 0) {
    throw new EngineError("invalid-argument", "kv store daemon config must be of the form KV-PROVIDER://KV-URL");
  }
  const provider = parseProvider(scheme);
  const slash = rest.indexOf("/");
  const hostsText = slash < 0 ? rest : rest.slice(0, slash);
  const prefix = slash < 0 ? "" : rest.slice(slash).replaceAll(/^\/+|\/+$/g, "");
  if (hostsText.includes("@")) {
    throw new EngineError("invalid-argument", `cluster store ${provider}: user names and passwords are not supported`);
  }
  const [first, ...others] = hostsText.split(",").map((host) => parseHost(host, DEFAULT_PORTS[provider]));
  if (first === undefined) throw new EngineError("invalid-argument", `cluster store ${text}: no host named`);
  if (provider === "consul" && others.length > 0) {
    throw new EngineError(
      "invalid-argument",
      `cluster store ${text}: consul takes one endpoint, that of the local agent`,
    );
  }
  if (prefix !== "") validatePrefix(prefix);
  return { provider, hosts: [first, ...others], prefix };
}

/** As `ClusterStore.address` shows it. */
export function formatStoreAddress({ provider, hosts, prefix }: StoreAddress): string {
  return `${provider}://${hosts.map(formatStoreHost).join(",")}${prefix === "" ? "" : `/${prefix}`}`;
}

export function formatStoreHost({ host, port }: StoreHost): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseProvider(scheme: string): StoreProvider {
  if (scheme === "etcd" || scheme === "consul" || scheme === "zk") return scheme;
  throw new EngineError(
    "invalid-argument",
    `unknown cluster store ${JSON.stringify(scheme.slice(0, 100))}: there are etcd://, consul:// and zk://`,
  );
}

function parseHost(text: string, defaultPort: number): StoreHost {
  const [, bracketed, plain, portText] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? "";
  const port = portText === undefined ? defaultPort : Number(portText);
  const valid = bracketed === undefined ? HOST_NAME.test(host) : isIP(host) === 6;
  if (valid && port > 0 && port < 65_536) return { host, port };
  throw new EngineError(
    "invalid-argument",
    `invalid host ${JSON.stringify(text.slice(0, 100))} in the cluster store's address`,
  );
}

function validatePrefix(prefix: string): void {
  if (prefix.length > LONGEST_PREFIX) {
    throw new EngineError("invalid-argument", `the cluster store's prefix is longer than ${LONGEST_PREFIX} bytes`);
  }
  try {
    validateKey(prefix);
  } catch (cause) {
    throw new EngineError(
      "invalid-argument",
      `invalid prefix ${JSON.stringify(prefix)} in the cluster store's address`,
      {
        cause,
      },
    );
  }
}
