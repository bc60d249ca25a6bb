/**
 * What somebody with a tool of their own may write into a cluster's store, drawn by chance for tests: under every kind of key of
 * the layout (`keys.ts`) bytes, any JSON, and records that are there with one field altered, or under another's key.
 */
import * as fc from "fast-check";
import { setImmediate as nextTurn } from "node:timers/promises";
import { parseAddress } from "../addr/ip-address.ts";
import { parsePrefix } from "../addr/prefix.ts";
import * as keys from "./keys.ts";
import type { MemoryCluster } from "./memory/memory-cluster.ts";

const NAMES = ["network-shop", "network-x", "endpoint-1", "c1", "a", "...", "__proto__", "addresses"] as const;
const TOKENS = ["00000000", "constructor", "x"] as const;
const ADDRESSES = ["10.0.0.1", "10.0.0.2", "0.0.0.0", "255.255.255.255", "224.0.0.1", "fd00::1"] as const;
const PREFIXES = ["10.0.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "fd00::/64", "10.0.0.9/32", "10.0.1.0/24"] as const;
const MACS = ["ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00", "02:42:00:00:00:01"] as const;
const STRAY_KEYS = ["networks/a/b", "hosts/a/b", "pools/x", "addresses/x", "endpoints/x", "what"] as const;

const name = fc.constantFrom(...NAMES);
const address = fc.constantFrom(...ADDRESSES).map(parseAddress);

const key = fc.oneof(
  fc.constantFrom(keys.SETTINGS, keys.POOLS_TURN, ...STRAY_KEYS.map((stray) => `${keys.ROOT}/${stray}`)),
  name.map((id) => keys.hostKey(keys.keyPart(id))),
  name.map(keys.hostNameKey),
  address.map(keys.hostAddressKey),
  name.map(keys.networkKey),
  name.map(keys.networkNameKey),
  fc.integer({ min: 0, max: 5000 }).map(keys.vniKey),
  fc.tuple(name, name).map(([network, endpoint]) => keys.endpointKey(network, endpoint)),
  fc.constantFrom(...PREFIXES).map((prefix) => keys.poolKey(parsePrefix(prefix))),
  fc.tuple(fc.constantFrom(...TOKENS), address).map(([token, each]) => keys.addressKey(token, each)),
);

const word = fc.oneof(
  fc.constantFrom(...NAMES, ...TOKENS, ...ADDRESSES, ...PREFIXES, ...MACS, "gateway", "auxiliary", ""),
  fc.string({ unit: "binary", maxLength: 20 }),
);

const json = fc.oneof(
  word,
  fc.integer(),
  fc.double(),
  fc.constantFrom(null, true, [], {}),
  fc.array(word, { maxLength: 3 }),
  fc.dictionary(word, word, { maxKeys: 3 }),
);

/** Numbers choose among what is there. */
type Deed =
  | { readonly write: string }
  | { readonly remove: number }
  | { readonly alter: number; readonly field: number; readonly to: unknown; readonly inPlace: boolean };

export interface Rubbish {
  readonly key: string;
  readonly deed: Deed;
}

const altered: fc.Arbitrary<Deed> = fc.record({ alter: fc.nat(), field: fc.nat(), to: json, inPlace: fc.boolean() });

export const rubbish: fc.Arbitrary<Rubbish> = fc.record({
  key,
  deed: fc.oneof(
    fc.record({ remove: fc.nat() }),
    fc.record({ write: fc.string({ unit: "binary", maxLength: 60 }) }),
    fc.record({ write: json.map((value) => JSON.stringify(value)) }),
    altered,
    altered,
    altered,
  ),
});

/** Resolves when followers were told. */
export async function throwIn(store: MemoryCluster, { key: drawn, deed }: Rubbish): Promise<void> {
  const records = store.list(keys.ROOT);
  if ("write" in deed) store.corrupt(drawn, deed.write);
  else if ("remove" in deed) store.corrupt(records[deed.remove % records.length]?.key ?? drawn, undefined);
  else {
    const source = records[deed.alter % records.length];
    const value = source && withField(source.value, deed.field, deed.to);
    if (source !== undefined && value !== undefined) store.corrupt(deed.inPlace ? source.key : drawn, value);
  }
  await nextTurn();
  await nextTurn();
}

/** The JSON text with one field of its object made something else; undefined: it is no object. */
function withField(text: string, field: number, to: unknown): string | undefined {
  try {
    const fields: readonly (readonly [string, unknown])[] = Object.entries(Object(JSON.parse(text)));
    const chosen = field % Math.max(1, fields.length);
    const made = fields.map(([name, value], index) => [name, index === chosen ? to : value] as const);
    return fields.length === 0 ? undefined : JSON.stringify(Object.fromEntries(made));
  } catch {
    return undefined;
  }
}
