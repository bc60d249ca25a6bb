/** Sysctls of sandboxes and endpoints: what is let through, and Docker's sentence for what is not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "../base/errors.ts";
import { ENDPOINT_SYSCTLS_OPTION, interfaceSysctls, namespaceSysctlKey } from "./sysctls.ts";

test("dots become slashes, and a key with slashes is a path already", () => {
  assert.equal(namespaceSysctlKey("net.ipv4.ip_forward"), "net/ipv4/ip_forward");
  assert.equal(namespaceSysctlKey("net/ipv4/conf/eth0.100/rp_filter"), "net/ipv4/conf/eth0.100/rp_filter");
});

test("nothing outside of net is let through, however it is spelled", () => {
  for (const key of ["kernel.shmmax", "net", "net.", "net/../kernel/shmmax", "net/./x", "", "net.a b", "/net/x"])
    assert.throws(() => namespaceSysctlKey(key), EngineError, key);
});

test("IFNAME in an endpoint's sysctls becomes the interface's name", () => {
  const options = {
    [ENDPOINT_SYSCTLS_OPTION]: "net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.ifname.accept_ra=2",
  };
  assert.deepEqual(interfaceSysctls(options, "eth1"), [
    { key: "net/ipv4/conf/eth1/log_martians", value: "1" },
    { key: "net/ipv6/conf/eth1/accept_ra", value: "2" },
  ]);
  assert.deepEqual(interfaceSysctls({}, "eth0"), []);
});

test("any other form is refused with Docker's sentence", () => {
  for (const item of [
    "net.ipv4.conf.eth0.x=1",
    "net.core.IFNAME.x=1",
    "net.ipv4.conf.IFNAME=1",
    "net.ipv4.conf.IFNAME.a/../b=1",
  ])
    assert.throws(
      () => interfaceSysctls({ [ENDPOINT_SYSCTLS_OPTION]: item }, "eth0"),
      new EngineError(
        "invalid-argument",
        `unrecognised network interface sysctl '${item}'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'`,
      ),
    );
});
