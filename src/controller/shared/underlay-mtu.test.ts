/** The MTU of the wires between hosts, where it is smaller than Ethernet's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../addr/ip-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import { silentLog } from "../../base/log.ts";
import { FakeKernel } from "../../kernel/fake.ts";
import { HOST, type LinkFact } from "../../kernel/facts.ts";
import { underlayMtu } from "./underlay-mtu.ts";

async function mtuOf(mtu: number, address: string): Promise<number | undefined> {
  const kernel = new FakeKernel();
  const wire: LinkFact = { kind: "link", namespace: HOST, name: "eth0", device: { type: "bridge" }, mtu, up: true };
  kernel.meddle({ add: wire });
  kernel.meddle({ add: { kind: "address", namespace: HOST, link: "eth0", address: parsePrefix("192.0.2.7/24") } });
  return underlayMtu(kernel, parseAddress(address), silentLog);
}

test("a link that is narrower than Ethernet says how much, others do not", async () => {
  assert.equal(await mtuOf(1400, "192.0.2.7"), 1400);
  assert.equal(await mtuOf(1500, "192.0.2.7"), undefined);
  assert.equal(await mtuOf(9000, "192.0.2.7"), undefined);
  assert.equal(await mtuOf(1400, "192.0.2.8"), undefined);
});

test("a kernel that cannot be asked is no reason not to start", async () => {
  const kernel = { observe: async () => Promise.reject(new Error("no netlink")) };
  const said: string[] = [];
  const log = { ...silentLog, warn: (_fields: object, message: string) => void said.push(message) };
  assert.equal(await underlayMtu(kernel, parseAddress("192.0.2.7"), log), undefined);
  assert.deepEqual(said, ["MTU of the link between hosts is unknown: no netlink"]);
});
