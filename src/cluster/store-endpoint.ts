/** Where a cluster store is and how it is spoken to: what each backend is opened with. */
import type { Log } from "../base/log.ts";

export interface StoreEndpoint {
  /** `host:port` each, at least one; which of them answers makes no difference. */
  readonly hosts: readonly string[];
  /** Keys that are not ours may lie beside it. "" or parts divided by "/", as keys are. */
  readonly prefix: string;
  /** Absent: plain text. */
  readonly tls?: StoreTls;
  readonly log: Log;
}

/** In PEM: who signed the store's certificate, and who we are. */
export interface StoreTls {
  readonly ca: string | Buffer;
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

/** For messages: `consul://10.0.0.1:8500/causeway`. */
export function formatAddress(scheme: string, { hosts, prefix }: StoreEndpoint): string {
  return `${scheme}://${hosts.join(",")}${prefix === "" ? "" : `/${prefix}`}`;
}
