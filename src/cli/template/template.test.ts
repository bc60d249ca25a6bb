/** Go's text/template, as far as docker's formats use it: what each construct prints, and how each mistake is told. */
import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { array, assert as assertProperty, constantFrom, oneof, property, string } from "fast-check";
import { Template } from "./evaluate.ts";
import { formatJson, formatValue, sprintf } from "./go-print.ts";
import { GoRow, GoTime, type GoValue } from "./go-value.ts";
import { TemplateExecutionError, TemplateSyntaxError } from "./template-error.ts";

const VALUE: GoValue = {
  Name: "web",
  Id: "f1a2",
  Count: 3,
  Big: 1795780781732108001n,
  On: true,
  Tags: ["a", "b"],
  Labels: { tier: "front", zone: "<1>" },
  Empty: {},
  Nil: null,
};

const PRINTS: readonly (readonly [template: string, output: string])[] = [
  ["", ""],
  ["plain }} text", "plain }} text"],
  ["{{.Name}}/{{.Count}}/{{.On}}", "web/3/true"],
  ["{{.ID}} {{.name}}", "f1a2 <no value>"],
  ["{{.Big}} {{json .Big}}", "1795780781732108001 1795780781732108001"],
  ["{{.Tags}} {{.Labels}} {{.Empty}} {{.Nil}}", "[a b] map[tier:front zone:<1>] map[] <no value>"],
  ["{{.Missing}} {{.Missing.Deeper}}", "<no value> <no value>"],
  ["{{json .Labels}} {{json .Name}} {{json .Nil}}", '{"tier":"front","zone":"<1>"} "web" null'],
  ["{{range .Tags}}<{{.}}>{{end}}", "<a><b>"],
  ["{{range $i, $t := .Tags}}{{$i}}{{$t}}{{$.Name}} {{end}}", "0aweb 1bweb "],
  ["{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "tier=front;zone=<1>;"],
  ["{{range .Empty}}x{{else}}none{{end}}", "none"],
  ["{{range 3}}{{.}}{{end}}", "012"],
  ["{{range .Tags}}{{if eq . `b`}}{{break}}{{end}}{{.}}{{end}}", "a"],
  ["{{range .Tags}}{{if eq . `a`}}{{continue}}{{end}}{{.}}{{end}}", "b"],
  ["{{if .Empty}}a{{else if .On}}b{{else}}c{{end}}", "b"],
  ["{{with .Labels}}{{.tier}}{{end}}{{with .Nil}}x{{else}}{{.Name}}{{end}}", "frontweb"],
  ["{{$x := 1}}{{if .On}}{{$x = 2}}{{end}}{{$x}}", "2"],
  ["a {{- /* a comment */ -}} b", "ab"],
  ["a {{- .Name -}} \n b", "awebb"],
  [`{{index .Labels "tier"}}{{index .Tags 1}}`, "frontb"],
  ["{{len .Tags}}{{len .Name}}{{slice .Name 1 2}}", "23e"],
  ["{{(index .Tags 0) | upper | printf `%s-%d` `x` | print}}", "x-%!d(string=A)"],
  [`{{upper .Name}} {{title "a b"}} {{lower "A"}} {{pad .Name 1 2}}|{{truncate .Name 2}}`, "WEB A B a  web  |we"],
  [`{{join .Tags ", "}} {{index (split "a:b" ":") 1}}`, "a, b b"],
  ["{{and .On .Empty}} {{or .Empty .Name}} {{not .On}}", "map[] web false"],
  ["{{eq .Count 1 3}} {{ne .Count 3}} {{lt 1 2}} {{ge .Big 5}}", "true false true true"],
];

describe("a template prints what Go's does:", () => {
  for (const [source, output] of PRINTS) {
    it(JSON.stringify(source), () => assert.equal(new Template(source).execute(VALUE), output));
  }
});

const REFUSED: readonly (readonly [template: string, message: string])[] = [
  ["{{", "template: :1: unclosed action"],
  ["{{.Name", "template: :1: unclosed action"],
  ["\n{{foo}}", 'template: :2: function "foo" not defined'],
  ["{{$x}}", 'template: :1: undefined variable "$x"'],
  ["{{if .On}}", "template: :1: unexpected EOF"],
  ["{{end}}", "template: :1: unexpected {{end}}"],
  ["{{break}}", "template: :1: {{break}} outside {{range}}"],
  ['{{"a}}', "template: :1: unterminated quoted string"],
];

describe("a template that cannot be read is told as Go tells it:", () => {
  for (const [source, message] of REFUSED) {
    it(JSON.stringify(source), () =>
      assert.throws(() => new Template(source), { name: "TemplateSyntaxError", message }),
    );
  }
});

const FAILING: readonly (readonly [template: string, why: string])[] = [
  ["{{.Name.First}}", "can't evaluate field First in type interface {}"],
  ["{{len .Count}}", "error calling len: len of type int"],
  ["{{index .Tags 7}}", "error calling index: index out of range: 7"],
  ["{{truncate .Name}}", "wrong number of args for truncate: want 2 got 1"],
  ["{{.Name 1}}", "wrong number of args for Name: want 0 got 1"],
  ["{{range .Name}}{{end}}", "range can't iterate over web"],
];

describe("a template that fails on its value says where:", () => {
  for (const [source, why] of FAILING) {
    it(source, () => {
      const failure = { name: "TemplateExecutionError", message: new RegExp(`^template: :1:\\d+: executing "" at <`) };
      assert.throws(() => new Template(source).execute(VALUE), failure);
      assert.throws(
        () => new Template(source).execute(VALUE),
        (error: Error) => error.message.endsWith(`>: ${why}`),
      );
    });
  }
});

test("a missing key is an error where inspect says so", () => {
  const strict = new Template("{{.Foo}}", { missingKeyIsError: true });
  assert.throws(() => strict.execute(VALUE), /at <\.Foo>: map has no entry for key "Foo"$/);
});

test("a row knows its fields, calls its methods, and is JSON in alphabetical order with HTML escaped", () => {
  const row = new GoRow(
    "*formatter.rowContext",
    { Name: "<a>", ID: "1" },
    { Label: (key) => `label ${formatValue(key)}` },
  );
  assert.equal(new Template('{{.Name}} {{.Label "x"}}').execute(row), "<a> label x");
  assert.throws(
    () => new Template("{{.Foo}}").execute(row),
    /can't evaluate field Foo in type \*formatter\.rowContext$/,
  );
  assert.equal(formatJson(row), String.raw`{"ID":"1","Name":"\u003ca\u003e"}`);
});

test("a time prints as Go prints it, and is the text it was in JSON", () => {
  const value = { Created: new GoTime("2026-11-27T11:59:41.63231300Z") };
  const printed = new Template("{{.Created}} {{json .Created}}").execute(value);
  assert.equal(printed, '2026-11-27 11:59:41.632313 +0000 UTC "2026-11-27T11:59:41.63231300Z"');
});

test("printf pads, signs and complains as Go's", () => {
  const cases: readonly (readonly [format: string, values: readonly GoValue[], output: string])[] = [
    ["%5d|%-5d|%05d|%+d", [1, 2, -3, 4], "    1|2    |-0003|+4"],
    ["%s %q %v %T", ["a", 'b"', ["c"], 1], 'a "b\\"" [c] int'],
    ["%x %X %o %b %c", [255, 255, 8, 5, 97], "ff FF 10 101 a"],
    ["%.2f %t %%", [1.005, true], "1.00 true %"],
    ["%d", ["a"], "%!d(string=a)"],
    ["%d %d", [1], "1 %!d(MISSING)"],
    ["%d", [1, "x"], "1%!(EXTRA string=x)"],
    ["%d", [1795780781732108001n], "1795780781732108001"],
  ];
  for (const [format, values, output] of cases) assert.equal(sprintf(format, values), output, format);
});

test("whatever is typed either prints or fails with a template's error", () => {
  const part = constantFrom(
    "{{",
    "}}",
    ".Name",
    "range ",
    "if ",
    "end",
    "else",
    "$x",
    ":=",
    "|",
    "(",
    ")",
    '"',
    " ",
    "1",
    "- ",
  );
  const sources = array(oneof(part, string({ maxLength: 3 })), { maxLength: 12 }).map((parts) => parts.join(""));
  assertProperty(
    property(sources, (source) => {
      try {
        assert.equal(typeof new Template(source).execute(VALUE), "string");
      } catch (error) {
        assert.ok(error instanceof TemplateSyntaxError || error instanceof TemplateExecutionError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
