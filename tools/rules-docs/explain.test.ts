/** Every rule has exactly one paragraph, and every paragraph its rules. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { explain } from "./explain.ts";
import { readIptables } from "./read-iptables.ts";
import type { Paragraph } from "./scenario.ts";
import type { Statement } from "./ruleset.ts";

function rules(...lines: readonly string[]): readonly Statement[] {
  const save = ["*filter", ":FORWARD ACCEPT [0:0]", ":DOCKER - [0:0]", ...lines, "COMMIT"].join("\n");
  return readIptables("iptables-save", "host", save).statements.filter(({ text }) => text.startsWith("-A"));
}

function paragraph(heading: string, claims: readonly string[], replaces?: readonly string[]): Paragraph {
  return { heading, text: "", claims, ...(replaces && { replaces }) };
}

const JUMP = "-A FORWARD -j DOCKER";
const DROP = "-A DOCKER ! -i br0 -o br0 -j DROP";

test("each rule goes to the paragraph that claims it, a star standing for any text", () => {
  const paragraphs = [paragraph("jump", ["filter FORWARD -j DOCKER"]), paragraph("drop", ["filter DOCKER * -j DROP"])];
  const explained = explain(paragraphs, [], rules(JUMP, DROP));
  assert.deepEqual(
    explained.map(({ added }) => added.map(({ text }) => text)),
    [[JUMP], [DROP]],
  );
});

test("a rule that nobody explains is an error", () => {
  const paragraphs = [paragraph("jump", ["filter FORWARD -j DOCKER"])];
  assert.throws(() => explain(paragraphs, [], rules(JUMP, DROP)), /no paragraph explains: filter DOCKER ! -i br0/);
});

test("a paragraph without a rule is an error", () => {
  const paragraphs = [paragraph("jump", ["filter FORWARD -j DOCKER"]), paragraph("old", ["filter FORWARD -j OLD"])];
  assert.throws(() => explain(paragraphs, [], rules(JUMP)), /no rule for the paragraph "old": filter FORWARD -j OLD/);
});

test("a rule that two paragraphs explain is an error", () => {
  const paragraphs = [paragraph("a", ["filter FORWARD *"]), paragraph("b", ["filter * -j DOCKER"])];
  assert.throws(() => explain(paragraphs, [], rules(JUMP)), /explained twice, by a and by b/);
});

test("what the base has needs no paragraph, and what it no longer has needs one", () => {
  assert.deepEqual(explain([], rules(JUMP), rules(JUMP)), []);
  assert.throws(() => explain([], rules(JUMP, DROP), rules(JUMP)), /no paragraph explains: gone: filter DOCKER/);
  const [explained] = explain([paragraph("gone", [], ["filter DOCKER *"])], rules(JUMP, DROP), rules(JUMP));
  assert.deepEqual(
    explained?.gone.map(({ text }) => text),
    [DROP],
  );
});

test("equal rules are counted", () => {
  assert.throws(() => explain([], rules(JUMP), rules(JUMP, JUMP)), /no paragraph explains/);
});

test("characters of patterns mean themselves", () => {
  const paragraphs = [paragraph("jump", ["filter FORWARD -j D.CKER"])];
  assert.throws(() => explain(paragraphs, [], rules(JUMP)), /no rule for the paragraph/);
});
