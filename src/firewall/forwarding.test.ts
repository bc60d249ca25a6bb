/** Forwarding is switched on where it is off, and only that is reported. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Step } from "../kernel/step.ts";
import { enableForwarding } from "./forwarding.ts";

function sysctls(values: Readonly<Record<string, string>>) {
  const written: string[] = [];
  return {
    written,
    readSysctl: (_: string, key: string) => Promise.resolve(values[key]),
    apply: (steps: readonly Step[]) => {
      for (const { fact } of steps) if (fact.kind === "sysctl") written.push(`${fact.key}=${fact.value}`);
      return Promise.resolve();
    },
  };
}

test("a family that was off is switched on and named", async () => {
  const kernel = sysctls({
    "net/ipv4/ip_forward": "0",
    "net/ipv6/conf/default/forwarding": "1",
    "net/ipv6/conf/all/forwarding": "0",
  });
  assert.deepEqual(await enableForwarding(kernel, [4, 6]), [4, 6]);
  assert.deepEqual(kernel.written, ["net/ipv4/ip_forward=1", "net/ipv6/conf/all/forwarding=1"]);
});

test("what was on already is neither written nor named, and a kernel without IPv6 is left alone", async () => {
  const kernel = sysctls({ "net/ipv4/ip_forward": "1" });
  assert.deepEqual(await enableForwarding(kernel, [4, 6]), []);
  assert.deepEqual(kernel.written, []);
});
