/** Addresses of cluster stores: what is read, with Docker's words for what is not. */
import assert from "node:assert/strict";
import { it } from "node:test";
import * as fc from "fast-check";
import { EngineError } from "../base/errors.ts";
import { formatStoreAddress, parseClusterStoreUrl } from "./store-address.ts";

/** Text, and how it is shown. */
const GOOD: readonly (readonly [text: string, shown: string])[] = [
  ["etcd://10.0.0.1:2379", "etcd://10.0.0.1:2379"],
  ["etcd://10.0.0.1", "etcd://10.0.0.1:2379"],
  ["etcd://a:1,b.example.org:2,c/", "etcd://a:1,b.example.org:2,c:2379"],
  ["etcd://h/one/two/", "etcd://h:2379/one/two"],
  ["etcd://[fd00::1]:4001,[::1]/p", "etcd://[fd00::1]:4001,[::1]:2379/p"],
  ["consul://127.0.0.1", "consul://127.0.0.1:8500"],
  ["zk://z1,z2:2182,z3/causeway", "zk://z1:2181,z2:2182,z3:2181/causeway"],
];
for (const [text, shown] of GOOD) {
  it(`${text} is ${shown}`, () => {
    const address = parseClusterStoreUrl(text);
    assert.equal(formatStoreAddress(address), shown);
    assert.deepEqual(parseClusterStoreUrl(shown), address);
  });
}

const FORM = "kv store daemon config must be of the form KV-PROVIDER://KV-URL";
const BAD: readonly (readonly [text: string, message: string])[] = [
  ["", FORM],
  ["etcd", FORM],
  ["etcd://", FORM],
  ["://h:1", FORM],
  ["etcd:/h:1", FORM],
  ["etcd://a://b", FORM],
  ["redis://h:1", 'unknown cluster store "redis": there are etcd://, consul:// and zk://'],
  ["ETCD://h:1", 'unknown cluster store "ETCD": there are etcd://, consul:// and zk://'],
  ["consul://a:1,b:1", "cluster store consul://a:1,b:1: consul takes one endpoint, that of the local agent"],
  ["etcd://u:secret@h:1", "cluster store etcd: user names and passwords are not supported"],
  ["etcd:///prefix", 'invalid host "" in the cluster store\'s address'],
  ["etcd://a,,b", 'invalid host "" in the cluster store\'s address'],
  ["etcd://h:0", 'invalid host "h:0" in the cluster store\'s address'],
  ["etcd://h:65536", 'invalid host "h:65536" in the cluster store\'s address'],
  ["etcd://fd00::1:2379", 'invalid host "fd00::1:2379" in the cluster store\'s address'],
  ["etcd://[10.0.0.1]:1", 'invalid host "[10.0.0.1]:1" in the cluster store\'s address'],
  ["etcd://a b", 'invalid host "a b" in the cluster store\'s address'],
  ["etcd://h/a//b", 'invalid prefix "a//b" in the cluster store\'s address'],
  ["etcd://h/a b", 'invalid prefix "a b" in the cluster store\'s address'],
  [`etcd://h/${"p".repeat(257)}`, "the cluster store's prefix is longer than 256 bytes"],
];
for (const [text, message] of BAD) {
  it(`${JSON.stringify(text.slice(0, 40))} is refused: ${message}`, () => {
    assert.throws(
      () => parseClusterStoreUrl(text),
      (error) => error instanceof EngineError && error.code === "invalid-argument" && error.message === message,
    );
  });
}

it("any text is read or refused with an error of ours", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string().map((rest) => `etcd://${rest}`),
  );
  fc.assert(
    fc.property(text, (any) => {
      try {
        const address = parseClusterStoreUrl(any);
        assert.deepEqual(parseClusterStoreUrl(formatStoreAddress(address)), address);
      } catch (error) {
        assert.ok(error instanceof EngineError, String(error));
      }
    }),
  );
});
