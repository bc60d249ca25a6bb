/** A KernelError says what was done, why it failed and by which errno, and survives the way between threads. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { errnoName, KernelError } from "./kernel-error.ts";

test("the message chains operation, explanation and errno's name", () => {
  const operation = "create link br-1";
  assert.equal(new KernelError({ operation, errno: 17 }).message, "create link br-1: EEXIST");
  assert.equal(
    new KernelError({ operation, errno: 22, detail: "bad mtu" }).message,
    "create link br-1: bad mtu (EINVAL)",
  );
  assert.equal(new KernelError({ operation, errno: 0, detail: "no answer" }).message, "create link br-1: no answer");
});

test("an errno without a name keeps its number", () => {
  assert.equal(errnoName(4000), "errno 4000");
  assert.equal(errnoName(2), "ENOENT");
  assert.equal(errnoName(54), "EXFULL");
});

test("as data and back it is the same error", () => {
  const error = new KernelError({ operation: "remove", errno: 1, detail: "why", completed: 3 });
  const again = new KernelError(structuredClone(error.toFailure()));
  assert.deepEqual(again.toFailure(), error.toFailure());
  assert.deepEqual([again.message, again.code, again.completed], [error.message, "EPERM", 3]);
});
