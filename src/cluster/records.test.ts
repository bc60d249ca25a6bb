/** Records are read back as they were written, and rubbish is refused whatever it looks like. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { parseAddress } from "../addr/ip-address.ts";
import { parseMac } from "../addr/mac-address.ts";
import { parsePrefix } from "../addr/prefix.ts";
import { RecordError } from "../store/record-reader.ts";
import { addressKey, endpointKey, hostKey, networkKey, poolKey } from "./keys.ts";
import {
  decodeEntry,
  encodeAddress,
  encodeEndpoint,
  encodeHost,
  encodeNetwork,
  encodePool,
  type ClusterEntry,
} from "./records.ts";

const HOST = { id: "h1", name: "a", address: parseAddress("192.0.2.1"), port: 7946, incarnation: "i" };
const NETWORK = {
  id: "n1",
  name: "shop",
  subnets: [
    { subnet: parsePrefix("10.0.0.0/24"), vni: 4096 },
    { subnet: parsePrefix("fd00::/64"), vni: 42 },
  ],
  body: { any: ["thing", null] },
  host: "h1",
  createdMs: 1,
  pools: ["t"],
};
const ENDPOINT = {
  id: "e1",
  networkId: "n1",
  name: "c1",
  mac: parseMac("02:42:00:00:00:09"),
  addresses: [parsePrefix("10.0.0.2/24"), parsePrefix("fd00::2/64")],
  dnsNames: ["c1", "db"],
  host: "h1",
};
const POOL = { subnet: parsePrefix("10.0.0.0/24"), token: "t", host: "h1", incarnation: "i" };

const RECORDS: readonly (readonly [key: string, text: string, entry: ClusterEntry])[] = [
  [hostKey("h1"), encodeHost(HOST), { kind: "host", value: HOST }],
  [networkKey("n1"), encodeNetwork(NETWORK), { kind: "network", value: NETWORK }],
  [
    networkKey("n1"),
    encodeNetwork({ ...NETWORK, removing: "x" }),
    { kind: "network", value: { ...NETWORK, removing: "x" } },
  ],
  [endpointKey("n1", "c1"), encodeEndpoint(ENDPOINT), { kind: "endpoint", value: ENDPOINT }],
  [poolKey(POOL.subnet), encodePool(POOL), { kind: "pool", value: POOL }],
  [
    poolKey(POOL.subnet),
    encodePool({ ...POOL, range: parsePrefix("10.0.0.64/26") }),
    { kind: "pool", value: { ...POOL, range: parsePrefix("10.0.0.64/26") } },
  ],
  [
    addressKey("t", parseAddress("10.0.0.2")),
    encodeAddress({ host: "h1", holder: "e1" }),
    { kind: "address", value: { token: "t", address: parseAddress("10.0.0.2"), host: "h1", holder: "e1" } },
  ],
  [
    addressKey("t", parseAddress("fd00::2")),
    encodeAddress({ host: "h1" }),
    { kind: "address", value: { token: "t", address: parseAddress("fd00::2"), host: "h1" } },
  ],
];

const isRefusal = (error: unknown): boolean => error instanceof RecordError || error instanceof SyntaxError;

describe("a cluster record", () => {
  for (const [key, text, entry] of RECORDS) {
    it(`of ${key} is read back as it was written`, () => assert.deepEqual(decodeEntry(key, text), entry));

    it(`of ${key} is refused without any one of its fields`, () => {
      const whole: unknown = JSON.parse(text);
      assert.ok(typeof whole === "object" && whole !== null);
      const optional = new Set(["range", "removing", "holder", "mac"]);
      for (const field of Object.keys(whole).filter((name) => !optional.has(name))) {
        const without = JSON.stringify({ ...whole, [field]: undefined });
        assert.throws(() => decodeEntry(key, without), isRefusal, field);
      }
    });
  }

  it("under another key is refused", () => {
    assert.throws(() => decodeEntry(hostKey("h2"), encodeHost(HOST)), RecordError);
    assert.throws(() => decodeEntry(networkKey("n2"), encodeNetwork(NETWORK)), RecordError);
    assert.throws(() => decodeEntry(endpointKey("n1", "c2"), encodeEndpoint(ENDPOINT)), RecordError);
    assert.throws(() => decodeEntry(poolKey(parsePrefix("10.0.1.0/24")), encodePool(POOL)), RecordError);
    assert.throws(() => decodeEntry("causeway/addresses/t/nowhere", encodeAddress({ host: "h1" })), RecordError);
  });

  it("with a VXLAN id of more than 24 bits is refused", () => {
    const subnets = [{ subnet: parsePrefix("10.0.0.0/24"), vni: 1 << 24 }];
    assert.throws(() => decodeEntry(networkKey("n1"), encodeNetwork({ ...NETWORK, subnets })), RecordError);
  });

  it("that this host could not have made is refused", () => {
    const refused = (key: string, text: string): void => assert.throws(() => decodeEntry(key, text), RecordError, text);
    for (const address of ["0.0.0.0", "239.0.0.1", "::", "ff02::1"]) {
      refused(hostKey("h1"), encodeHost({ ...HOST, address: parseAddress(address) }));
    }
    for (const port of [0, -1, 65_536]) refused(hostKey("h1"), encodeHost({ ...HOST, port }));
    refused(`${hostKey("x")}/h1`, encodeHost(HOST));
    for (const mac of ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01"]) {
      refused(endpointKey("n1", "c1"), encodeEndpoint({ ...ENDPOINT, mac: parseMac(mac) }));
    }
    for (const range of ["10.0.1.0/26", "10.0.0.0/23", "fd00::/64"]) {
      refused(poolKey(POOL.subnet), encodePool({ ...POOL, range: parsePrefix(range) }));
    }
  });

  it("that is rubbish is refused and nothing else happens", () => {
    const rubbish = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.json(),
      fc.constantFrom("null", "[]", "{}", '{"__proto__":1}'),
    );
    fc.assert(
      fc.property(fc.constantFrom(...RECORDS), rubbish, ([key], text) => {
        assert.throws(() => decodeEntry(key, text), isRefusal);
      }),
    );
  });
});
