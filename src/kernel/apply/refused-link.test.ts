/** What is said when the kernel refuses a link. */
import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import { HOST, type Device } from "../facts.ts";
import { refusedLink } from "./refused-link.ts";

const { EADDRINUSE, EBUSY, EEXIST, EINVAL, ENETDOWN, EOPNOTSUPP } = constants.errno;
const macvlan: Device = { type: "macvlan", parent: "eth1", parentNamespace: HOST, mode: "bridge" };
const vxlan: Device = { type: "vxlan", vni: 7, port: 4789, learning: false };
const ipvlan: Device = { type: "ipvlan", parent: "eth1", parentNamespace: HOST, mode: "l2", flag: "bridge" };

test("a refusal says why, in Docker's words where it has any", () => {
  const cases: readonly [Device, number, string | undefined][] = [
    [
      macvlan,
      EBUSY,
      "failed to create the macvlan port: device or resource busy: eth1 is a bridge's port or carries links of another kind (EBUSY)",
    ],
    [
      macvlan,
      EINVAL,
      "failed to create the macvlan port: invalid argument: eth1 is given to one container by mode passthru, or takes no such links (EINVAL)",
    ],
    [ipvlan, ENETDOWN, "network is down: eth1 is not up (ENETDOWN)"],
    [ipvlan, EOPNOTSUPP, "this kernel has no ipvlan links (module ipvlan) (ENOTSUP)"],
    [{ type: "vlan", parent: "eth1", id: 10 }, EOPNOTSUPP, "this kernel has no vlan links (module 8021q) (ENOTSUP)"],
    [{ type: "dummy" }, EOPNOTSUPP, "this kernel has no dummy links (module dummy) (ENOTSUP)"],
    [
      vxlan,
      EEXIST,
      'another VXLAN of this host has id 7 on UDP port 4789: "ip -d link show type vxlan" names it, here or in another namespace (EEXIST)',
    ],
    [
      vxlan,
      EADDRINUSE,
      'another program of this host has UDP port 4789: "ss -lunp sport = :4789" names it (EADDRINUSE)',
    ],
    [vxlan, EBUSY, undefined],
    [macvlan, EEXIST, undefined],
    [{ type: "bridge" }, EBUSY, undefined],
  ];
  for (const [device, errno, said] of cases) {
    const error = refusedLink({ kind: "link", namespace: "/n", name: "eth0", device, up: true }, errno);
    assert.equal(error?.message, said === undefined ? undefined : `create link eth0: ${said}`);
  }
});
