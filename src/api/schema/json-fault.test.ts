import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { findJsonFault } from "./json-fault.ts";

/** Asked of dockerd 20.10 (Go 1.19), or read off Go's scanner where dockerd cannot be asked. */
const FAULTS: readonly (readonly [text: string, message: string])[] = [
  ["{", "unexpected EOF"],
  ["{x", "invalid character 'x' looking for beginning of object key string"],
  ['{"a" 1}', "invalid character '1' after object key"],
  ['{"a":1 1}', "invalid character '1' after object key:value pair"],
  ['{"a":[1 1]}', "invalid character '1' after array element"],
  ['{"a":trux}', "invalid character 'x' in literal true (expecting 'e')"],
  ["x", "invalid character 'x' looking for beginning of value"],
  ['{"a":1,}', "invalid character '}' looking for beginning of object key string"],
  ["[1,]", "invalid character ']' looking for beginning of value"],
  ['"a\nb"', String.raw`invalid character '\n' in string literal`],
  [String.raw`"\x"`, "invalid character 'x' in string escape code"],
  [String.raw`"\u12g4"`, String.raw`invalid character 'g' in \u hexadecimal character escape`],
  ["-x", "invalid character 'x' in numeric literal"],
  ["1.x", "invalid character 'x' after decimal point in numeric literal"],
  ["1ex", "invalid character 'x' in exponent of numeric literal"],
  ["[".repeat(1_000_000), "exceeded max depth"],
  ["[".repeat(10_000), "unexpected EOF"],
];

test("a fault in JSON is told in the words of Go's decoder", () => {
  for (const [text, message] of FAULTS) {
    assert.deepEqual(findJsonFault(text), { kind: "syntax", message }, text.slice(0, 40));
  }
});

test("a whole value followed by more is trailing content", () => {
  for (const text of ["{} {}", "1 x", '{"a":[1,{}]}x', "[] ]", "null,"]) {
    assert.deepEqual(findJsonFault(text), { kind: "trailing" }, text);
  }
});

test("whatever JSON.parse refuses has a fault, and the search for it ends", () => {
  fc.assert(
    fc.property(fc.json(), fc.nat(), fc.constantFrom("", "x", '"', "{", "]", ",", "\\"), (json, at, junk) => {
      const cut = at % (json.length + 1);
      const text = json.slice(0, cut) + junk + json.slice(cut + 1);
      try {
        JSON.parse(text);
      } catch {
        findJsonFault(text);
      }
    }),
  );
});
