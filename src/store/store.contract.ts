/** What every store promises (`store.ts`), run over each implementation and the fake. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { EngineError } from "../base/errors.ts";
import type { Change, Json, Store } from "./store.ts";

/** A value past the compiler, as a caller in plain JavaScript could send it. */
function smuggle(value: unknown): Json {
  const holder: { value: Json } = { value: null };
  Reflect.set(holder, "value", value);
  return holder.value;
}

export function storeContract(name: string, open: () => Store): void {
  const withStore = (body: (store: Store) => void) => (): void => {
    using store = open();
    body(store);
  };
  const throwsCode = (code: EngineError["code"], body: () => void): void =>
    assert.throws(body, (error) => error instanceof EngineError && error.code === code);
  const put = (id: string, value: Json, expected?: number): Change =>
    expected === undefined ? { put: "networks", id, value } : { put: "networks", id, value, expected };

  describe(`${name} as a store`, () => {
    it(
      "has no record and an empty list before the first write",
      withStore((store) => {
        assert.equal(store.get("networks", "a"), undefined);
        assert.deepEqual(store.list("networks"), []);
      }),
    );

    it(
      "gives back what was put, with revision 1 at first and one more per write",
      withStore((store) => {
        store.commit([put("a", { name: "backend", pools: [1, null, true] })]);
        assert.deepEqual(store.get("networks", "a"), {
          id: "a",
          value: { name: "backend", pools: [1, null, true] },
          revision: 1,
        });
        store.commit([put("a", "changed")]);
        assert.deepEqual(store.get("networks", "a"), { id: "a", value: "changed", revision: 2 });
      }),
    );

    it(
      "lists in order of first insertion, whatever is rewritten later; a record put anew goes to the end",
      withStore((store) => {
        store.commit([put("b", 1), put("a", 2), put("c", 3)]);
        store.commit([put("b", 4)]);
        assert.deepEqual(
          store.list("networks").map(({ id, value }) => [id, value]),
          [
            ["b", 4],
            ["a", 2],
            ["c", 3],
          ],
        );
        store.commit([{ remove: "networks", id: "b" }]);
        store.commit([put("b", 5)]);
        assert.deepEqual(
          store.list("networks").map(({ id, revision }) => [id, revision]),
          [
            ["a", 1],
            ["c", 1],
            ["b", 1],
          ],
        );
      }),
    );

    it(
      "keeps collections apart",
      withStore((store) => {
        store.commit([put("a", 1), { put: "endpoints", id: "a", value: 2 }]);
        store.commit([{ remove: "networks", id: "a" }]);
        assert.equal(store.get("endpoints", "a")?.value, 2);
        assert.deepEqual(store.list("networks"), []);
      }),
    );

    it(
      "accepts the removal of an absent record",
      withStore((store) => store.commit([{ remove: "networks", id: "nobody" }])),
    );

    it(
      "applies the changes of one commit in order",
      withStore((store) => {
        store.commit([put("a", 1), put("a", 2, 1), { remove: "networks", id: "a", expected: 2 }, put("a", 3, 0)]);
        assert.deepEqual(store.get("networks", "a"), { id: "a", value: 3, revision: 1 });
      }),
    );

    it(
      "refuses a commit whose expected revision does not hold, and keeps none of its changes",
      withStore((store) => {
        store.commit([put("a", 1)]);
        throwsCode("conflict", () => store.commit([put("b", 1), put("a", 2, 0)]));
        throwsCode("conflict", () => store.commit([put("b", 1), put("c", 2, 1)]));
        throwsCode("conflict", () => store.commit([put("b", 1), { remove: "networks", id: "a", expected: 2 }]));
        assert.deepEqual(store.list("networks"), [{ id: "a", value: 1, revision: 1 }]);
      }),
    );

    it(
      "refuses what JSON would change in silence, and keeps none of the commit's changes",
      withStore((store) => {
        const foreign: unknown[] = [
          undefined,
          Number.NaN,
          1n,
          { a: undefined },
          [undefined],
          new Date(0),
          new Map(),
          () => 1,
        ];
        for (const value of foreign) {
          throwsCode("invalid-argument", () => store.commit([put("b", 1), put("a", smuggle(value))]));
        }
        assert.deepEqual(store.list("networks"), []);
      }),
    );

    it(
      "does not see later changes to an object that was put or read",
      withStore((store) => {
        const value = { labels: { a: "1" } };
        store.commit([put("a", value)]);
        value.labels.a = "2";
        const read = store.get("networks", "a")?.value;
        assert.deepEqual(read, { labels: { a: "1" } });
        Reflect.set(read, "labels", "changed by a reader");
        assert.deepEqual(store.get("networks", "a")?.value, { labels: { a: "1" } });
      }),
    );

    it("gives back any JSON value and any id", () => {
      fc.assert(
        fc.property(fc.string({ unit: "grapheme" }), fc.jsonValue(), (id, value) => {
          using store = open();
          const json: Json = JSON.parse(JSON.stringify(value));
          store.commit([{ put: "c", id, value: json }]);
          assert.deepEqual(store.list("c"), [{ id, value: json, revision: 1 }]);
        }),
        { numRuns: 50 },
      );
    });

    it("refuses everything once closed, and closes twice without complaint", () => {
      const store = open();
      store[Symbol.dispose]();
      store[Symbol.dispose]();
      throwsCode("unavailable", () => store.get("networks", "a"));
      throwsCode("unavailable", () => store.list("networks"));
      throwsCode("unavailable", () => store.commit([]));
    });
  });
}
