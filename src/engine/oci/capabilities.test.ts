/** Capabilities and the system calls that they open. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { grantableCapabilities, resolveCapabilities } from "./capabilities.ts";
import { seccompFilter } from "./seccomp.ts";

const none = { privileged: false, add: [], drop: [] };

test("by default there are Docker's fourteen", () => {
  const names = resolveCapabilities(none);
  assert.equal(names.length, 14);
  assert.ok(names.includes("CAP_NET_RAW") && !names.includes("CAP_NET_ADMIN"));
});

test("names are added and dropped with and without the prefix, in any case", () => {
  const names = resolveCapabilities({ ...none, add: ["net_admin"], drop: ["CAP_NET_RAW"] });
  assert.ok(names.includes("CAP_NET_ADMIN") && !names.includes("CAP_NET_RAW"));
  assert.deepEqual(resolveCapabilities({ ...none, add: ["CHOWN"], drop: ["ALL"] }), ["CAP_CHOWN"]);
});

test("ALL is what the daemon itself may give", () => {
  const grantable = grantableCapabilities("CapBnd:\t0000000000000003\n");
  assert.deepEqual(grantable, ["CAP_CHOWN", "CAP_DAC_OVERRIDE"]);
  assert.deepEqual(resolveCapabilities({ ...none, add: ["ALL"], drop: ["CHOWN"] }, grantable), ["CAP_DAC_OVERRIDE"]);
  assert.deepEqual(resolveCapabilities({ ...none, privileged: true }, grantable), grantable);
});

test("an unknown name is refused", () => {
  assert.throws(() => resolveCapabilities({ ...none, add: ["FLY"] }), {
    message: 'invalid CapAdd: unknown capability: "FLY"',
  });
});

test("the filter opens what a capability governs, and clone3 stays away without CAP_SYS_ADMIN", () => {
  const allowed = (capabilities: string[]): Set<string> =>
    new Set(
      seccompFilter(capabilities, "x64")
        .syscalls.filter((rule) => rule.action === "SCMP_ACT_ALLOW" && rule.args === undefined)
        .flatMap((rule) => rule.names),
    );
  assert.ok(!allowed([]).has("mount") && allowed(["CAP_SYS_ADMIN"]).has("mount"));
  assert.ok(!allowed([]).has("settimeofday") && allowed(["CAP_SYS_TIME"]).has("settimeofday"));
  assert.ok(allowed([]).has("arch_prctl") && !new Set(seccompFilter([], "arm64").syscalls[0]?.names).has("arch_prctl"));
  const clone3 = seccompFilter([], "x64").syscalls.find((rule) => rule.names.includes("clone3"));
  assert.deepEqual(clone3, { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38 });
});
