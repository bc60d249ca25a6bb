import assert from "node:assert/strict";
import { test } from "node:test";
import { Filters, parseUntil } from "./filters.ts";

const ACCEPTED = ["name", "label", "label!", "dangling"];
const parse = (filters: unknown): Filters => Filters.parse(JSON.stringify(filters), ACCEPTED);

test("a filter's values come as a list or as a map", () => {
  assert.deepEqual(parse({ name: ["a", "b"] }).values("name"), ["a", "b"]);
  assert.deepEqual(parse({ name: { a: true, b: false } }).values("name"), ["a"]);
});

test("an unknown filter is refused by name", () => {
  assert.throws(() => parse({ foo: ["x"] }), /^EngineError: invalid filter 'foo'$/);
  assert.throws(() => Filters.parse("x", ACCEPTED), /invalid character 'x' looking for beginning of value/);
  assert.throws(() => Filters.parse("[]", ACCEPTED), /invalid filter/);
});

test("names match exactly or as an unanchored pattern", () => {
  const filters = parse({ name: ["^back", "a+b"] });
  assert.ok(filters.pattern("name", "backend"));
  assert.ok(filters.pattern("name", "xaab"));
  assert.ok(filters.pattern("name", "a+b"), "equal text that as a pattern would not match");
  assert.ok(!filters.pattern("name", "frontend"));
});

test("a pattern that would backtrack for ever is refused in time", () => {
  const filters = parse({ name: ["^(a|aa)+$"] });
  const started = performance.now();
  assert.throws(() => filters.pattern("name", `${"a".repeat(100)}b`), /takes too long to match/);
  assert.ok(performance.now() - started < 2000);
});

test("labels must all be there, with their values where given", () => {
  const labels = { a: "1", b: "2" };
  assert.ok(parse({ label: ["a", "b=2"] }).labels("label", labels));
  assert.ok(!parse({ label: ["a", "b=3"] }).labels("label", labels));
  assert.ok(!parse({ "label!": ["a"] }).withoutLabels("label!", labels));
});

test("a boolean filter takes one of four words, once", () => {
  assert.equal(parse({ dangling: ["1"] }).boolean("dangling"), true);
  assert.equal(parse({ dangling: ["false"] }).boolean("dangling"), false);
  assert.equal(parse({}).boolean("dangling"), undefined);
  assert.throws(
    () => parse({ dangling: ["x"] }).boolean("dangling"),
    /must be "true" \(or "1"\), or "false" \(or "0"\)/,
  );
  assert.throws(
    () => parse({ dangling: ["1", "0"] }).boolean("dangling"),
    /got more than one value for filter key "dangling"/,
  );
});

test("until is a duration, a Unix time or a date", () => {
  const now = 1_000_000_000_000_000_000n;
  assert.equal(parseUntil("1h30m", now), now - 5400_000_000_000n);
  assert.equal(parseUntil("12.5", now), 12_500_000_000n);
  assert.equal(parseUntil("1970-01-01T00:00:01Z", now), 1_000_000_000n);
  assert.throws(() => parseUntil("soon", now), /invalid filter 'until=soon'/);
});
