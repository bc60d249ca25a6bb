/** Names as parts of keys: whatever a name is, its key is one that every store takes, and no other name's. */
import assert from "node:assert/strict";
import { it } from "node:test";
import * as fc from "fast-check";
import { parsePrefix } from "../addr/prefix.ts";
import { endpointKey, keyPart, poolKey, subnetOfPoolKey } from "./keys.ts";
import { validateKey } from "./transaction-limits.ts";

it("a name of letters, digits, dots and dashes is its own part", () => {
  for (const name of ["shop", "c1", "my_net.2-b", "x".repeat(120)]) assert.equal(keyPart(name), name);
});

it("any two names have two keys, and each is one that stores take", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary", maxLength: 300 }), (a, b) => {
      validateKey(endpointKey(a, b));
      if (Buffer.from(a).equals(Buffer.from(b))) return;
      assert.notEqual(keyPart(a), keyPart(b));
    }),
  );
});

it("a name that would lead somewhere else does not", () => {
  for (const name of [".", "..", "a/b", "", "ä", "x".repeat(5_000)]) {
    const part = keyPart(name);
    assert.match(part, /^[A-Za-z0-9._:-]{1,120}$/);
    assert.doesNotMatch(part, /^\.+$/);
  }
});

it("a pool's key says which subnet it is", () => {
  for (const text of ["10.0.3.0/24", "fd00:1::/64"]) {
    const subnet = parsePrefix(text);
    assert.deepEqual(subnetOfPoolKey(poolKey(subnet)), subnet);
  }
  assert.equal(subnetOfPoolKey("causeway/pools/by-hand"), undefined);
});
