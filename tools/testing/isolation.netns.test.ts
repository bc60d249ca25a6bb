/** What a test of the netns tier finds: a network, mounts and processes of its own, and control groups that work. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { test } from "node:test";

test("the only link is lo, and it is up", () => {
  const links: unknown = JSON.parse(execFileSync("ip", ["-j", "link"], { encoding: "utf8" }));
  assert.ok(Array.isArray(links));
  const names = links.map((link: { ifname: string; flags: string[] }) => [link.ifname, link.flags.includes("UP")]);
  assert.deepEqual(names, [["lo", true]]);
});

test("/sys/class/net shows this namespace's links", () => {
  assert.deepEqual(readdirSync("/sys/class/net"), ["lo"]);
});

test("/run and /tmp are empty of the machine's files", () => {
  assert.ok(!existsSync("/run/.stage"));
  // The checkout is in sight wherever it lies, even below /tmp.
  const [, top, inside = ""] = import.meta.dirname.split("/");
  assert.deepEqual(readdirSync("/tmp"), top === "tmp" ? [inside] : []);
});

test("process 1 is the isolating shell", () => {
  assert.match(execFileSync("cat", ["/proc/1/cmdline"], { encoding: "utf8" }), /isolate\.sh/);
});

test("the control groups of the machine are there", () => {
  assert.ok(readdirSync("/sys/fs/cgroup").length > 0);
});
