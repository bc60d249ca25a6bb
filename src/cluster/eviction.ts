/**
 * Taking the endpoint of a host that is gone off a network by hand, before the host's grace is over (`docker network disconnect
 * -f`). A living host's is its own to take off: it would only write it anew.
 */
import { EngineError } from "../base/errors.ts";
import type { ClusterCheck, ClusterPut } from "./cluster-store.ts";
import { addressKey, endpointKey, hostKey } from "./keys.ts";
import type { LocalCopy } from "./local-copy.ts";
import { decodeEndpoint, encodeAddress, tryDecode, type EndpointRecord } from "./records.ts";
import type { Attempt, ClusterWriter } from "./writer.ts";

export interface EvictionParts {
  readonly copy: LocalCopy;
  readonly writer: ClusterWriter;
  readonly self: string;
}

export async function evictEndpoint(parts: EvictionParts, networkId: string, name: string): Promise<void> {
  const { copy, writer } = parts;
  const key = endpointKey(networkId, name);
  await writer.decide(`remove endpoint ${name}`, async (): Promise<Attempt<true>> => {
    const found = await writer.get(key);
    if (found === undefined) throw new EngineError("not-found", `endpoint ${name} not found`);
    const record = tryDecode(decodeEndpoint, key, found.value);
    const host = record && copy.host(record.host);
    if (host !== undefined) {
      const where = `runs on host ${host.name}, which is alive: disconnect it there`;
      throw new EngineError("conflict", `endpoint ${name} ${where}`);
    }
    const leases = record === undefined ? [] : leasesOf(parts, record);
    const isDone = await writer.commit({
      checks: [
        { key, version: found.version },
        ...(record === undefined ? [] : [{ key: hostKey(record.host), is: "absent" } as const]),
        ...leases.map(({ check }) => check),
      ],
      puts: leases.map(({ put }) => put),
      removes: [key],
    });
    return isDone ? { done: true } : "again";
  });
  await writer.seen(() => copy.get(key) === undefined);
}

/** Its addresses rest, and are this host's to clear away then. */
function leasesOf(
  { copy, self }: EvictionParts,
  { host, networkId, addresses }: EndpointRecord,
): readonly { readonly check: ClusterCheck; readonly put: ClusterPut }[] {
  const tokens = copy.network(networkId)?.pools ?? [];
  return tokens.flatMap((token) =>
    addresses.flatMap(({ address }) => {
      const kept = copy.addresses(token).get(address.value);
      if (kept?.value.host !== host || kept.value.address.family !== address.family) return [];
      const key = addressKey(token, address);
      return [{ check: { key, version: kept.version }, put: { key, value: encodeAddress({ host: self }) } }];
    }),
  );
}
