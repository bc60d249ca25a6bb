/** The probe finds what is there, names what is not, and leaves nothing. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { probeKernel } from "./probe.ts";
import { linkNames, openFds, requirePrivateNamespace, sh } from "./testing/netns.ts";

before(() => requirePrivateNamespace());

test("what iproute2 can make is not missing, and nothing is left behind", async () => {
  const rules = sh("iptables-save");
  await probeKernel();
  const fds = openFds();
  const missing = await probeKernel();
  for (const kind of ["veth", "bridge", "vxlan", "macvlan", "ipvlan"]) {
    const parent = kind.endsWith("vlan") ? "link probed0" : "";
    const extra = kind === "vxlan" ? "id 7 dstport 4789" : "";
    const line = `ip link add probed0 type bridge; ip link add ${parent} name probed1 type ${kind} ${extra}`;
    const makes = sh(`unshare --net sh -c '${line} && echo made' 2>&1 || true`).includes("made");
    assert.equal(missing.includes(kind), !makes, `${kind}: ${missing.join(" ")}`);
  }
  assert.equal(missing.includes("overlay"), !sh("cat /proc/filesystems").includes("\toverlay\n"));
  assert.deepEqual(linkNames(), []);
  assert.equal(sh("iptables-save"), rules);
  assert.equal(openFds(), fds);
});
