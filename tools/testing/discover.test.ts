/** The test runner's own rules: which file is of which tier, what a skip list says, what counts as a change of the machine. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { findTests, tierOf } from "./discover.ts";
import { machineChanges } from "./machine.ts";
import { isKnown, needsDocker, parseSkips } from "./skips.ts";

const ROOT = new URL("../..", import.meta.url).pathname;

test("a test file's name decides its tier", () => {
  assert.equal(tierOf("src/a/x.test.ts"), "unit");
  assert.equal(tierOf("src/a/x.netns.test.ts"), "netns");
  assert.equal(tierOf("test/system/x.system.test.ts"), "system");
});

test("a folder stands for the test files in it, a tier for those of its kind", () => {
  const all = findTests(ROOT, [`${ROOT}tools/testing`], ["unit", "netns"]);
  assert.ok(all.some((file) => file.path === "tools/testing/discover.test.ts"));
  assert.deepEqual(findTests(ROOT, [`${ROOT}tools/testing/discover.test.ts`], ["system"]), []);
});

test("a skip list ignores comments and empty lines", () => {
  assert.deepEqual([...parseSkips("# why\n\nsrc/a.test.ts > b\n", undefined)], ["src/a.test.ts > b"]);
});

test("what is skipped for want of docker is known only where docker is wanting", () => {
  const list = "a.test.ts > b\n[without docker 28]\nc.test.ts > *\n";
  assert.deepEqual([...parseSkips(list, 28)], ["a.test.ts > b"]);
  for (const other of [undefined, 20]) {
    const known = parseSkips(list, other);
    assert.ok(isKnown(known, "c.test.ts", "whatever"));
    assert.ok(!isKnown(known, "a.test.ts", "whatever"));
    assert.ok(isKnown(new Set(["test/system > all of it"]), "test/system/x.system.test.ts", "all of it"));
  }
});

test("a file that drives docker unseen needs it", () => {
  assert.ok(needsDocker('await daemon.docker(["ps"])'));
  assert.ok(!needsDocker('test("x", { skip: "needs the docker CLI" }, () => daemon.docker([]))'));
  assert.ok(!needsDocker("docker is a word"));
});

test("what appeared and what is gone are both changes of the machine", () => {
  const before = new Map([["ip link", ["lo", "eth0"]]]);
  const after = new Map([["ip link", ["lo", "veth1"]]]);
  assert.deepEqual(machineChanges(before, after), ["ip link: appeared: veth1", "ip link: gone: eth0"]);
  assert.deepEqual(machineChanges(before, before), []);
});
