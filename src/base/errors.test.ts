/** The one error class: codes survive wrapping, causes are kept. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { EngineError, messageOf } from "./errors.ts";

it("wrapping keeps the inner code and chains the texts", () => {
  const inner = new EngineError("conflict", "link exists");
  const outer = EngineError.wrap(inner, "create bridge br-1a2b");
  assert.equal(outer.code, "conflict");
  assert.equal(outer.message, "create bridge br-1a2b: link exists");
  assert.equal(outer.cause, inner);
  assert.equal(outer.name, "EngineError");
});

it("anything that is not ours is internal when wrapped", () => {
  assert.equal(EngineError.wrap(new TypeError("x is not a function"), "plan").message, "plan: x is not a function");
  assert.equal(EngineError.wrap("text", "plan").code, "internal");
});

it("anything thrown has a text", () => {
  assert.deepEqual([new Error("a"), "b", 3, undefined].map(messageOf), ["a", "b", "3", "undefined"]);
});
