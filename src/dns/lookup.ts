/**
 * How a sandbox's questions are answered from the snapshot: pure functions, no bytes, no sockets. The rules are Docker's:
 * a name is looked up on the sandbox's own networks only, in gateway order, as a whole and then split into name and network
 * at each dot from the right; the sandbox's private aliases go before the network's names; the first network that knows
 * the name wins, and a name that is known is never asked elsewhere, whatever addresses it has.
 */
import { CLASS, TYPE } from "./message/codes.ts";
import { parseReverseName } from "./reverse-name.ts";
import { addressKey, type NameRecord, type SandboxView, type Snapshot } from "./snapshot.ts";
import type { AddressRecord } from "./message/response.ts";
import type { DnsEndpoint } from "./dns.ts";

export interface LookupQuestion {
  /** Lower-case, without a final dot. */
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

export type LocalAnswer =
  /** Record data of A or AAAA records; never empty. */
  | { readonly kind: "addresses"; readonly data: readonly Uint8Array[] }
  /** The target of a PTR record, without a final dot. */
  | { readonly kind: "pointer"; readonly target: string }
  /** The name is known, and has nothing of that type: NOERROR without records. */
  | { readonly kind: "empty" }
  /** Not ours: ask the sandbox's upstreams. */
  | { readonly kind: "unknown" };

const EMPTY: LocalAnswer = { kind: "empty" };
const UNKNOWN: LocalAnswer = { kind: "unknown" };

/** What the snapshot says to a question of this sandbox. */
export function answerLocally(snapshot: Snapshot, sandbox: SandboxView, question: LookupQuestion): LocalAnswer {
  if (question.class !== CLASS.IN && question.class !== CLASS.ANY) return UNKNOWN;
  switch (question.type) {
    case TYPE.A:
    case TYPE.AAAA:
      return answerAddress(snapshot, sandbox, question);
    case TYPE.PTR:
      return answerPointer(snapshot, sandbox, question.name);
    // An empty MX lets mailers use the name itself (RFC 5321 section 5.1). HTTPS is what browsers ask beside every A:
    // forwarding that for a container's name would publish the name, and bring back NXDOMAIN for one that exists.
    case TYPE.MX:
    case TYPE.SVCB:
    case TYPE.HTTPS:
      return findName(snapshot, sandbox, question.name) === undefined ? UNKNOWN : EMPTY;
    case TYPE.SRV:
      return answerService(snapshot, sandbox, question.name);
    default:
      return UNKNOWN;
  }
}

function answerAddress(snapshot: Snapshot, sandbox: SandboxView, question: LookupQuestion): LocalAnswer {
  const record = findName(snapshot, sandbox, question.name);
  if (record === undefined) return sandbox.ndotsSet && !question.name.includes(".") ? EMPTY : UNKNOWN;
  const data = question.type === TYPE.A ? record.v4 : record.v6;
  return data.length === 0 ? EMPTY : { kind: "addresses", data };
}

/**
 * `_service._protocol.name`, or the bare name. Docker has service records of swarm services only, and there are none here; but
 * the question is about a name of ours, so nobody outside is asked for it, and the client goes on to the name's addresses.
 */
function answerService(snapshot: Snapshot, sandbox: SandboxView, name: string): LocalAnswer {
  const target = name.replace(/^_[^.]*\._[^.]*\./, "");
  return findName(snapshot, sandbox, target) === undefined ? UNKNOWN : EMPTY;
}

/** Who answers to the name for this sandbox. */
export function findName(snapshot: Snapshot, sandbox: SandboxView, name: string): NameRecord | undefined {
  let found = findOn(snapshot, sandbox, name, undefined);
  for (let dot = name.lastIndexOf("."); found === undefined && dot > 0; dot = name.lastIndexOf(".", dot - 1)) {
    found = findOn(snapshot, sandbox, name.slice(0, dot), name.slice(dot + 1));
  }
  return found;
}

/** The name on one network, or on any when `networkName` is undefined. */
function findOn(
  snapshot: Snapshot,
  sandbox: SandboxView,
  name: string,
  networkName: string | undefined,
): NameRecord | undefined {
  return (
    (sandbox.aliases.size === 0 ? undefined : findAlias(snapshot, sandbox, name, networkName)) ??
    firstOf(snapshot, sandbox, networkName, () => name)
  );
}

function findAlias(
  snapshot: Snapshot,
  sandbox: SandboxView,
  alias: string,
  networkName: string | undefined,
): NameRecord | undefined {
  return firstOf(snapshot, sandbox, networkName, (networkId) => sandbox.aliases.get(networkId)?.get(alias));
}

function firstOf(
  snapshot: Snapshot,
  sandbox: SandboxView,
  networkName: string | undefined,
  nameOn: (networkId: string) => string | undefined,
): NameRecord | undefined {
  for (const networkId of sandbox.networkIds) {
    const records = snapshot.network(networkId);
    if (records === undefined || (networkName !== undefined && records.name !== networkName)) continue;
    const name = nameOn(networkId);
    const record = name === undefined ? undefined : records.names.get(name);
    if (record !== undefined) return record;
  }
  return undefined;
}

function answerPointer(snapshot: Snapshot, sandbox: SandboxView, name: string): LocalAnswer {
  const address = parseReverseName(name);
  if (address === undefined) return UNKNOWN;
  for (const networkId of sandbox.networkIds) {
    const records = snapshot.network(networkId);
    const endpoint = records?.addresses.get(addressKey(address));
    const first = endpoint?.names[0];
    if (endpoint === undefined || first === undefined || records?.network === undefined) continue;
    if (snapshot.reverseDeferred(endpoint.id)) return UNKNOWN;
    return { kind: "pointer", target: `${first}.${records.network.name}` };
  }
  return UNKNOWN;
}

/**
 * The endpoints to which an upstream gave the very name and address that we know them by; their PTR is left to that
 * upstream from then on (`Snapshot.deferReverse`).
 */
export function endpointsNamedAlike(
  snapshot: Snapshot,
  sandbox: SandboxView,
  records: readonly AddressRecord[],
): readonly DnsEndpoint[] {
  return records.flatMap(({ name, address }) =>
    sandbox.networkIds.flatMap((networkId) => {
      const endpoint = snapshot.network(networkId)?.addresses.get(addressKey(address));
      return endpoint?.names[0]?.toLowerCase() === name ? [endpoint] : [];
    }),
  );
}
