/** Names of interfaces in a sandbox. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "../base/errors.ts";
import { chooseInterfaceName, INTERFACE_NAME_OPTION, isInterfaceName } from "./interface-name.ts";

test("the lowest free number is taken, holes first", () => {
  assert.equal(chooseInterfaceName("eth", {}, []), "eth0");
  assert.equal(chooseInterfaceName("eth", {}, ["eth0", "eth2", "lo"]), "eth1");
  assert.equal(chooseInterfaceName("net", {}, ["eth0"]), "net0");
});

test("the endpoint's own choice wins over the prefix", () => {
  assert.equal(chooseInterfaceName("eth", { [INTERFACE_NAME_OPTION]: "uplink" }, ["eth0"]), "uplink");
});

test("a name that is taken, lo included, is a conflict", () => {
  for (const name of ["eth0", "lo"])
    assert.throws(
      () => chooseInterfaceName("eth", { [INTERFACE_NAME_OPTION]: name }, ["eth0"]),
      (error) => error instanceof EngineError && error.code === "conflict",
    );
});

test("what the kernel would refuse is refused with the name in the message", () => {
  for (const name of ["sixteen-bytes-xx", "a/b", "a b", ".", "..", "a:1", "eth%d", "a\n"]) {
    assert.ok(!isInterfaceName(name));
    assert.throws(
      () => chooseInterfaceName("eth", { [INTERFACE_NAME_OPTION]: name }, []),
      new EngineError("invalid-argument", `invalid interface name: ${JSON.stringify(name)}`),
    );
  }
});

test("a prefix that leaves no room for a number is refused, not looped over", () => {
  assert.throws(() => chooseInterfaceName("fifteen-bytes-x", {}, []), /invalid interface name/);
});
