/** The examples as a reader would run them: each as its own process, judged by what ping and ip printed in it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../test/support/run.ts";

async function example(name: string): Promise<string> {
  const ran = await run([process.execPath, join(import.meta.dirname, name)]);
  assert.equal(ran.status, 0, ran.stderr);
  return ran.stdout;
}

test("two sandboxes ping each other by name", async () => {
  const printed = await example("ping-by-name.ts");
  assert.match(printed, /PING db \(172\.18\.0\.3\)/);
  assert.match(printed, /1 received, 0% packet loss/);
  assert.match(printed, /eth0@if\d+\s+UP\s+172\.18\.0\.3\/16/);
});

test("an internal network has no way out", async () => {
  const printed = await example("internal-network.ts");
  assert.match(printed, /PING keys \(10\.20\.30\.40\)/);
  assert.match(printed, /1 received, 0% packet loss/);
  assert.match(printed, /^routes: 10\.20\.30\.0\/24 dev eth0 [^\n]*\n\n/m);
  assert.match(printed, /outside: ping: .*Network is unreachable/);
});

test("an interface and names come with a connect and go with a disconnect", async () => {
  const printed = await example("hot-connect.ts");
  const [before = "", connected = "", after = ""] = printed.split(/^(?:before|connected|after): /m).slice(1);
  assert.match(before, /ping: (c3|bad address)/);
  assert.match(connected, /PING c3 \(172\.19\.0\.2\)/);
  assert.match(connected, /eth1@if\d+\s+UP\s+172\.19\.0\.3\/16/);
  assert.match(after, /ping: (c3|bad address)/);
  assert.doesNotMatch(after, /eth1/);
});
