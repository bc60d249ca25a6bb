/** What people read: durations, sizes, times, columns, orders and indented JSON, as docker and Go print them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJson } from "../client/json-text.ts";
import { formatJson } from "../template/go-print.ts";
import { displayPorts } from "./displayed-ports.ts";
import { formatAnsi, formatFixedNanoseconds, formatInstant, formatLocalSeconds } from "./go-time.ts";
import { binarySize, ellipsis, humanDuration, humanSize, truncateId } from "./human.ts";
import { indentJson } from "./indent-json.ts";
import { formatLabels } from "./labels.ts";
import { compareNaturally } from "./natural-order.ts";
import { alignColumns } from "./table.ts";

test("durations are told as roughly as people tell them", () => {
  const cases: readonly (readonly [seconds: number, text: string])[] = [
    [0.4, "Less than a second"],
    [1, "1 second"],
    [59.9, "59 seconds"],
    [60, "About a minute"],
    [120, "2 minutes"],
    [3600, "About an hour"],
    [47.4 * 3600, "47 hours"],
    [48 * 3600, "2 days"],
    [14 * 86_400, "2 weeks"],
    [60 * 86_400, "2 months"],
    [730 * 86_400, "2 years"],
  ];
  for (const [seconds, text] of cases) assert.equal(humanDuration(seconds), text);
});

test("sizes have three digits in thousands, four in 1024s", () => {
  assert.deepEqual(
    [0, 999, 1000, 1_234_567, 999_999].map((bytes) => humanSize(bytes)),
    ["0B", "999B", "1kB", "1.23MB", "1e+03kB"],
  );
  assert.deepEqual([1023, 1024, 25_271_877_632].map(binarySize), ["1023B", "1KiB", "23.54GiB"]);
});

test("ids lose their algorithm and keep twelve digits; long text ends in an ellipsis", () => {
  assert.equal(truncateId("sha256:0123456789abcdef"), "0123456789ab");
  assert.equal(truncateId("abc"), "abc");
  assert.equal(ellipsis("äöüß", 3), "äö…");
  assert.equal(ellipsis("äöü", 3), "äöü");
});

test("times print as Go's String, RFC3339NanoFixed and ANSIC", () => {
  assert.equal(formatInstant("2026-11-27T11:00:00.120456000Z"), "2026-11-27 11:00:00.120456 +0000 UTC");
  assert.equal(formatInstant("2026-11-27T11:00:00Z"), "2026-11-27 11:00:00 +0000 UTC");
  assert.equal(formatInstant("2026-11-27T11:00:00.5+02:00"), "2026-11-27 11:00:00.5 +0200 +0200");
  assert.equal(formatInstant("never"), "never");
  assert.equal(formatAnsi("2025-05-03T12:07:14.000000000+00:00"), "Sat May  3 12:07:14 2025");
  assert.equal(formatAnsi(""), "");
});

test("moments are told in the zone of this process, nanoseconds to the last digit", () => {
  const zone = process.env["TZ"];
  try {
    process.env["TZ"] = "Asia/Kolkata";
    assert.equal(formatFixedNanoseconds(1795780781732108001n), "2026-11-27T17:29:41.732108001+05:30");
    assert.match(formatLocalSeconds(1_795_780_781), /^2026-11-27 17:29:41 \+0530 /);
    process.env["TZ"] = "UTC";
    assert.equal(formatFixedNanoseconds(1795780781000000000n), "2026-11-27T11:59:41.000000000Z");
    assert.equal(formatLocalSeconds(1_795_780_781), "2026-11-27 11:59:41 +0000 UTC");
  } finally {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  }
});

test("columns are as wide as their widest cell and three, at least ten; the last is not padded", () => {
  assert.equal(alignColumns("A\tLONG HEADER\tC\nü\tx\ty\n"), "A         LONG HEADER   C\nü         x             y\n");
  assert.equal(alignColumns("no tabs\n"), "no tabs\n");
});

test("digits in names count as numbers", () => {
  const names = ["web10", "web2", "a1", "a-1", "a01", "web"];
  assert.deepEqual(names.toSorted(compareNaturally), ["a1", "a01", "a-1", "web", "web2", "web10"]);
});

test("labels are one cell in the order of their keys", () => {
  assert.equal(formatLabels({ b: "2", a: "1" }), "a=1,b=2");
});

test("ports that follow each other are one range", () => {
  const port = (inside: number, outside: number, ip = "0.0.0.0") => ({
    IP: ip,
    PrivatePort: inside,
    PublicPort: outside,
    Type: "tcp",
  });
  const same = [port(81, 81), port(80, 80), port(80, 80, "::")];
  assert.equal(displayPorts(same), "0.0.0.0:80-81->80-81/tcp, [::]:80->80/tcp");
  assert.equal(displayPorts([port(80, 8080)]), "0.0.0.0:8080->80/tcp");
  assert.equal(displayPorts([{ PrivatePort: 53, Type: "udp" }]), "53/udp");
});

test("indenting changes white space alone", () => {
  assert.equal(
    indentJson('{"a":[1,{}],"b":"\\u00e9 {,}","n":1795780781732108001}', "  "),
    ["{", '  "a": [', "    1,", "    {}", "  ],", '  "b": "\\u00e9 {,}",', '  "n": 1795780781732108001', "}"].join(
      "\n",
    ),
  );
});

test("numbers that JavaScript cannot hold come back digit for digit", () => {
  const text = '{"timeNano":1795780781732108001,"small":1,"real":0.1234567890123456789,"text":"1795780781732108001"}';
  const json = parseJson(text);
  assert.deepEqual(json, {
    timeNano: 1795780781732108001n,
    small: 1,
    real: 0.12345678901234568,
    text: "1795780781732108001",
  });
  assert.match(formatJson(json), /"timeNano":1795780781732108001,/);
});
