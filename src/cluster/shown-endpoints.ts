/**
 * Endpoints of other hosts as they are shown: record and host in one. What did not change stays the same object, so that
 * whoever compares ten thousand of them after each change need not look inside.
 */
import type { ClusterHost, SharedEndpoint } from "./cluster.ts";
import type { EndpointRecord, HostRecord } from "./records.ts";

interface Shown {
  readonly of: HostRecord;
  readonly endpoint: SharedEndpoint;
}

export class ShownEndpoints {
  readonly #shown = new WeakMap<EndpointRecord, Shown>();

  show(record: EndpointRecord, host: HostRecord): SharedEndpoint {
    const known = this.#shown.get(record);
    if (known?.of === host) return known.endpoint;
    const { host: _id, ...rest } = record;
    const endpoint = { ...rest, host: plainHost(host) };
    this.#shown.set(record, { of: host, endpoint });
    return endpoint;
  }
}

export function plainHost({ id, name, address, port }: ClusterHost): ClusterHost {
  return { id, name, address, port };
}
