/** Address management by a plugin: what it is asked, as dockerd asks it, and answers that cannot be used. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../addr/ip-address.ts";
import { parseMac } from "../../addr/mac-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import type { IpamDriver, PoolRequest } from "../../ipam/ipam.ts";
import { NoAvailableAddresses } from "../../ipam/ipam-errors.ts";
import { PluginDrivers } from "./plugin-drivers.ts";
import { ScriptedPlugin, status, type Script } from "./testing/scripted-plugin.ts";

const POOL: PoolRequest = { family: 4, addressSpace: "local", options: { ik: "iv" }, reserved: [] };

async function withIpam(
  scripts: Readonly<Record<string, Script>>,
  body: (ipam: IpamDriver, plugin: ScriptedPlugin) => Promise<void>,
): Promise<void> {
  await using plugin = await ScriptedPlugin.start(scripts);
  using drivers = new PluginDrivers(plugin.options);
  await drivers.findIpamDriver("plug");
  const ipam = drivers.ipamDriver("plug");
  assert.ok(ipam !== undefined);
  await body(ipam, plugin);
}

const answersPool: Script = () => ({ PoolID: "pool1", Pool: "10.50.0.0/24", Data: null });

test("pools and addresses are asked for as dockerd does", async () => {
  const scripts: Record<string, Script> = {
    "IpamDriver.GetCapabilities": () => ({ RequiresMACAddress: true }),
    "IpamDriver.RequestPool": answersPool,
    "IpamDriver.RequestAddress": ({ Address }: { Address: string }) => ({ Address: `${Address || "10.50.0.2"}/24` }),
  };
  await withIpam(scripts, async (ipam, plugin) => {
    assert.deepEqual(await ipam.requestPool(POOL), { id: "pool1", subnet: parsePrefix("10.50.0.0/24") });
    const range = { subnet: parsePrefix("10.50.0.0/24"), range: parsePrefix("10.50.0.128/25") };
    await ipam.requestPool({ ...POOL, addressSpace: "global", ...range, options: {} });
    const gateway = parseAddress("10.50.0.7");
    assert.deepEqual(await ipam.requestAddress("pool1", { purpose: "gateway" }), parsePrefix("10.50.0.2/24"));
    await ipam.requestAddress("pool1", { purpose: "auxiliary", address: gateway });
    await ipam.requestAddress("pool1", { purpose: "endpoint", mac: parseMac("02:00:00:00:00:05") });
    await ipam.releaseAddress("pool1", gateway);
    await ipam.releasePool("pool1", [gateway]);
    const asked = plugin.calls.map(({ method, request }) => [method.split(".")[1], request]);
    assert.deepEqual(asked, [
      ["Activate", null],
      ["GetCapabilities", null],
      ["GetDefaultAddressSpaces", null],
      ["RequestPool", { AddressSpace: "L", Pool: "", SubPool: "", Options: { ik: "iv" }, V6: false }],
      ["RequestPool", { AddressSpace: "G", Pool: "10.50.0.0/24", SubPool: "10.50.0.128/25", Options: {}, V6: false }],
      [
        "RequestAddress",
        { PoolID: "pool1", Address: "", Options: { RequestAddressType: "com.docker.network.gateway" } },
      ],
      ["RequestAddress", { PoolID: "pool1", Address: "10.50.0.7", Options: {} }],
      [
        "RequestAddress",
        { PoolID: "pool1", Address: "", Options: { "com.docker.network.endpoint.macaddress": "02:00:00:00:00:05" } },
      ],
      ["ReleaseAddress", { PoolID: "pool1", Address: "10.50.0.7" }],
      ["ReleaseAddress", { PoolID: "pool1", Address: "10.50.0.7" }],
      ["ReleasePool", { PoolID: "pool1" }],
    ]);
  });
});

test("a driver that does not know GetCapabilities has none", async () => {
  await withIpam({ "IpamDriver.GetCapabilities": status(404, "404 page not found") }, async (ipam) => {
    assert.deepEqual(await ipam.needs?.(), { mac: false, replay: false });
  });
});

test("pools by choice that meet the host's networks are kept until another is found, then given back", async () => {
  const pools = ["10.1.0.0/24", "10.2.0.0/24", "10.3.0.0/24"];
  let next = 0;
  const scripts = { "IpamDriver.RequestPool": () => ({ PoolID: `p${next}`, Pool: pools[next++ % pools.length] }) };
  await withIpam(scripts, async (ipam, plugin) => {
    const reserved = ["10.1.0.0/16", "10.2.0.7/32"].map(parsePrefix);
    assert.deepEqual(await ipam.requestPool({ ...POOL, reserved }), { id: "p2", subnet: parsePrefix("10.3.0.0/24") });
    assert.deepEqual(plugin.methods, ["RequestPool", "RequestPool", "RequestPool", "ReleasePool", "ReleasePool"]);
    plugin.calls.length = 0;
    const everything = [parsePrefix("0.0.0.0/0")];
    await assert.rejects(ipam.requestPool({ ...POOL, reserved: everything }), {
      message: "all predefined address pools have been fully subnetted",
    });
    const count = (method: string): number => plugin.methods.filter((each) => each === method).length;
    assert.deepEqual([count("RequestPool"), count("ReleasePool")], [64, 64]);
    await ipam.requestPool({ ...POOL, subnet: parsePrefix("10.1.0.0/24"), reserved: everything });
  });
});

test("answers that cannot be used are refused, and the pool goes back", async () => {
  const pools: readonly (readonly [unknown, string])[] = [
    [{ PoolID: "p", Pool: "" }, "plugin plug: IpamDriver.RequestPool: invalid CIDR address: "],
    [{ PoolID: "p", Pool: "fd00::/64" }, "plugin plug: IpamDriver.RequestPool: fd00::/64 is no IPv4 pool"],
    [
      { PoolID: "p", Pool: "10.0.0.0/8", Data: { "com.docker.network.gateway": "x" } },
      "plugin plug: IpamDriver.RequestPool: invalid gateway: x",
    ],
  ];
  for (const [answer, message] of pools) {
    await withIpam({ "IpamDriver.RequestPool": () => answer }, async (ipam, plugin) => {
      await assert.rejects(ipam.requestPool(POOL), { message });
      assert.deepEqual(plugin.methods, ["RequestPool", "ReleasePool"]);
    });
  }
  const addresses: readonly (readonly [unknown, string])[] = [
    [{}, "plugin plug: IpamDriver.RequestAddress: no address returned"],
    [{ Address: "10.0.0.1" }, "plugin plug: IpamDriver.RequestAddress: invalid CIDR address: 10.0.0.1"],
    [{ Error: "told to fail" }, "remote: told to fail"],
  ];
  for (const [answer, message] of addresses) {
    await withIpam({ "IpamDriver.RequestAddress": () => answer }, async (ipam) => {
      await assert.rejects(ipam.requestAddress("p", { purpose: "endpoint" }), { message });
    });
  }
});

test("a gateway that the driver insists on comes with the pool, and a full pool is known for that", async () => {
  const Data = { "com.docker.network.gateway": "10.50.0.254/24" };
  const scripts: Record<string, Script> = {
    "IpamDriver.RequestPool": () => ({ PoolID: "p", Pool: "10.50.0.0/24", Data }),
    "IpamDriver.RequestAddress": () => ({ Error: "no available addresses on this pool" }),
  };
  await withIpam(scripts, async (ipam) => {
    assert.deepEqual((await ipam.requestPool(POOL)).gateway, parsePrefix("10.50.0.254/24"));
    await assert.rejects(ipam.requestAddress("p", { purpose: "endpoint" }), NoAvailableAddresses);
  });
});

test("a driver that has no address spaces is none", async () => {
  await using plugin = await ScriptedPlugin.start({ "IpamDriver.GetDefaultAddressSpaces": () => ({ Error: "none" }) });
  using drivers = new PluginDrivers(plugin.options);
  const message = 'invalid ipam driver: "plug": failed to return default address spaces: remote: none';
  await assert.rejects(drivers.findIpamDriver("plug"), { message });
});
