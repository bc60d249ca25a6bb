/** Undo steps: newest first, all of them, and none after a commit. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Rollback } from "./rollback.ts";

describe("a rollback", () => {
  it("undoes newest first when the work fails, and lets the work's error through", async () => {
    const log: string[] = [];
    const work = async (): Promise<void> => {
      await using rollback = new Rollback();
      rollback.add("first", () => void log.push("first"));
      rollback.add("second", async () => void log.push("second"));
      throw new Error("no more room");
    };
    await assert.rejects(work, /no more room/);
    assert.deepEqual(log, ["second", "first"]);
  });

  it("undoes nothing after a commit", async () => {
    const log: string[] = [];
    {
      await using rollback = new Rollback();
      rollback.add("first", () => void log.push("first"));
      rollback.commit();
    }
    assert.deepEqual(log, []);
  });

  it("undoes what was added after a commit", async () => {
    const log: string[] = [];
    {
      await using rollback = new Rollback();
      rollback.add("first", () => void log.push("first"));
      rollback.commit();
      rollback.add("second", () => void log.push("second"));
    }
    assert.deepEqual(log, ["second"]);
  });

  it("goes on past steps that fail, and names them all at the end", async () => {
    const log: string[] = [];
    const rollback = new Rollback();
    const cause = new Error("busy");
    rollback.add("bridge", () => void log.push("bridge"));
    rollback.add("veth", () => Promise.reject(cause));
    rollback.add("address", () => void log.push("address"));
    rollback.add("rule", () => assert.fail("gone"));
    await assert.rejects(
      async () => rollback[Symbol.asyncDispose](),
      (error) => {
        assert.ok(error instanceof AggregateError);
        assert.equal(error.message, "undo rule; undo veth");
        assert.ok(error.errors[1] instanceof Error && error.errors[1].cause === cause);
        return true;
      },
    );
    assert.deepEqual(log, ["address", "bridge"]);
  });

  it("undoes each step once, even when it is disposed twice", async () => {
    const log: string[] = [];
    const rollback = new Rollback();
    rollback.add("first", () => void log.push("first"));
    await rollback[Symbol.asyncDispose]();
    await rollback[Symbol.asyncDispose]();
    assert.deepEqual(log, ["first"]);
  });
});
