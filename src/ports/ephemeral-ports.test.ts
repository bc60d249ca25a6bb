import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLocalRange, parseReserved } from "./ephemeral-ports.ts";

test("the local port range is what the kernel says, and Docker's where it says nothing sensible", () => {
  assert.deepEqual(parseLocalRange("32768\t60999"), { first: 32768, last: 60999 });
  for (const text of ["", "1", "9000 8000", "0 100", "1 70000", "a b"]) {
    assert.deepEqual(parseLocalRange(text), { first: 49153, last: 65535 }, text);
  }
});

test("reserved ports are single ones and ranges", () => {
  assert.deepEqual([...parseReserved("8080,9000-9002\n")], [8080, 9000, 9001, 9002]);
  assert.deepEqual([...parseReserved("\n")], []);
  assert.deepEqual([...parseReserved("65535-99999")], [65535]);
});
