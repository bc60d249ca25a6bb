/** What users type as an image, what is stored, what is shown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "../../base/errors.ts";
import { familiarName, fullName, parseReference } from "./reference.ts";

const table = [
  ["busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"],
  ["me/app", "docker.io/me/app:latest", "me/app:latest"],
  ["docker.io/library/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"],
  ["localhost/x", "localhost/x:latest", "localhost/x:latest"],
  ["localhost:5000/x:y", "localhost:5000/x:y", "localhost:5000/x:y"],
  ["reg.example.org/a/b/c", "reg.example.org/a/b/c:latest", "reg.example.org/a/b/c:latest"],
  ["a__b--c.d", "docker.io/library/a__b--c.d:latest", "a__b--c.d:latest"],
] as const;

for (const [typed, full, familiar] of table) {
  test(`${typed} is stored as ${full} and shown as ${familiar}`, () => {
    assert.equal(fullName(parseReference(typed)), full);
    assert.equal(familiarName(full), familiar);
  });
}

test("a digest takes the place of the default tag", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  assert.equal(fullName(parseReference(`busybox@${digest}`)), `docker.io/library/busybox@${digest}`);
});

for (const bad of [
  "",
  "-x",
  "a//b",
  "a:b:c",
  "a:",
  "x@sha256:12",
  "a b",
  "a\n",
  "x".repeat(300),
  `a:${"t".repeat(129)}`,
]) {
  test(`${JSON.stringify(bad.slice(0, 12))} is no reference`, () => {
    assert.throws(
      () => parseReference(bad),
      (error) => error instanceof EngineError && error.code === "invalid-argument",
    );
  });
}

test("upper case is told apart from other faults", () => {
  assert.throws(() => parseReference("Busybox"), {
    message: "invalid reference format: repository name (library/Busybox) must be lowercase",
  });
});
