/** The plugin kit over a real socket: every call, with values at the handler's edge, and where it listens. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { parseAddress, parseMac, parsePrefix, servePlugin, type NetworkDriverHandlers } from "./plugin.ts";
import {
  directory,
  IDS,
  ipam,
  KEY,
  NETWORK,
  post,
  recording,
  serve,
  socketPath,
  type Answer,
} from "./served-plugin.fixture.ts";

test("it says what it implements", async () => {
  await using plugin = await serve({ networkDriver: recording().driver, ipamDriver: ipam });
  assert.deepEqual(await post(plugin.path, "Plugin.Activate"), {
    status: 200,
    type: "application/vnd.docker.plugins.v1.2+json",
    body: { Implements: ["NetworkDriver", "IpamDriver"] },
  });
});

test("a network's request reaches the handler as values", async () => {
  const { asked, driver } = recording();
  await using plugin = await serve({ networkDriver: driver });
  const { body } = await post(plugin.path, "NetworkDriver.CreateNetwork", {
    NetworkID: NETWORK,
    Options: { "com.docker.network.generic": { key: "value" }, "com.docker.network.enable_ipv6": true },
    IPv4Data: [
      { AddressSpace: "LocalDefault", Pool: "10.1.0.0/16", Gateway: "10.1.0.1/16", AuxAddresses: { a: "10.1.0.9/16" } },
    ],
    IPv6Data: null,
  });
  assert.deepEqual(body, {});
  assert.deepEqual(asked, [
    {
      networkId: NETWORK,
      options: { key: "value" },
      internal: false,
      enableIPv4: true,
      enableIPv6: true,
      ipv4: [
        {
          addressSpace: "LocalDefault",
          subnet: parsePrefix("10.1.0.0/16"),
          gateway: parsePrefix("10.1.0.1/16"),
          auxiliary: { a: parsePrefix("10.1.0.9/16") },
        },
      ],
      ipv6: [],
    },
  ]);
});

test("an endpoint's request carries its interface and ports", async () => {
  const { asked, driver } = recording();
  await using plugin = await serve({ networkDriver: driver });
  const Options = {
    "com.docker.network.endpoint.exposedports": [{ Proto: 6, Port: 80 }],
    "com.docker.network.portmap": [
      { Proto: 17, IP: "", Port: 53, HostIP: "127.0.0.1", HostPort: 5353, HostPortEnd: 5354 },
    ],
  };
  const Interface = { Address: "10.1.0.2/16", AddressIPv6: "", MacAddress: "02:42:0a:01:00:02" };
  assert.deepEqual((await post(plugin.path, "NetworkDriver.CreateEndpoint", { ...IDS, Interface, Options })).body, {});
  assert.deepEqual(asked, [
    {
      ...KEY,
      interface: { address: parsePrefix("10.1.0.2/16"), mac: parseMac("02:42:0a:01:00:02") },
      exposed: [{ protocol: "tcp", port: 80 }],
      published: [
        {
          protocol: "udp",
          containerPort: 53,
          hostAddress: parseAddress("127.0.0.1"),
          hostPort: 5353,
          hostPortEnd: 5354,
        },
      ],
      options: Options,
    },
  ]);
});

test("only what the daemon left open is answered, and nothing else may be", async () => {
  const given = { address: parsePrefix("10.1.0.7/16"), mac: parseMac("02:00:00:00:00:07") };
  await using plugin = await serve({ networkDriver: { ...recording().driver, createEndpoint: () => given } });
  const create = async (Interface: object): Promise<Answer> =>
    post(plugin.path, "NetworkDriver.CreateEndpoint", { ...IDS, Interface });
  assert.deepEqual((await create({ Address: "10.1.0.7/16" })).body, { Interface: { MacAddress: "02:00:00:00:00:07" } });
  assert.deepEqual((await create({ Address: "10.1.0.7/16", MacAddress: "02:00:00:00:00:07" })).body, {});
  assert.deepEqual(await create({ Address: "10.1.0.8/16" }), {
    status: 500,
    type: "application/vnd.docker.plugins.v1.2+json",
    body: { Err: "createEndpoint answered another address than it was asked to use" },
  });
});

test("a join's answer has gateway, routes and interface in the protocol's words", async () => {
  const join: NetworkDriverHandlers["join"] = ({ sandboxKey }) => {
    assert.equal(sandboxKey, "/var/run/docker/netns/abc");
    return {
      interface: { sourceName: "ptp0", prefix: "eth" },
      gateway: parseAddress("10.1.0.1"),
      gatewayIPv6: parseAddress("fd00::1"),
      routes: [
        { destination: parsePrefix("10.2.0.0/16"), gateway: parseAddress("10.1.0.1") },
        { destination: parsePrefix("10.3.0.0/16") },
      ],
      disableGatewayService: true,
    };
  };
  await using plugin = await serve({ networkDriver: { ...recording().driver, join } });
  const { body } = await post(plugin.path, "NetworkDriver.Join", { ...IDS, SandboxKey: "/var/run/docker/netns/abc" });
  assert.deepEqual(body, {
    InterfaceName: { SrcName: "ptp0", DstPrefix: "eth" },
    Gateway: "10.1.0.1",
    GatewayIPv6: "fd00::1",
    StaticRoutes: [
      { Destination: "10.2.0.0/16", RouteType: 0, NextHop: "10.1.0.1" },
      { Destination: "10.3.0.0/16", RouteType: 1 },
    ],
    DisableGatewayService: true,
  });
});

test("calls whose handlers are left out are answered", async () => {
  await using plugin = await serve({ networkDriver: recording().driver });
  const answers = [
    ["GetCapabilities", undefined, { Scope: "local", ConnectivityScope: "local" }],
    ["EndpointOperInfo", IDS, { Value: {} }],
    ["ProgramExternalConnectivity", { ...IDS, Options: {} }, {}],
    ["RevokeExternalConnectivity", IDS, {}],
    ["DiscoverNew", { DiscoveryType: 1, DiscoveryData: { Address: "192.0.2.1", Self: true } }, {}],
    ["DiscoverDelete", { DiscoveryType: 1, DiscoveryData: { Address: "192.0.2.1" } }, {}],
    ["DiscoverNew", { DiscoveryType: 3, DiscoveryData: { Keys: [] } }, {}],
    ["AllocateNetwork", { NetworkID: NETWORK, Options: {}, IPv4Data: [], IPv6Data: [] }, { Options: {} }],
    ["FreeNetwork", { NetworkID: NETWORK }, {}],
    ["DeleteNetwork", { NetworkID: NETWORK }, {}],
    ["DeleteEndpoint", IDS, {}],
    ["Leave", IDS, {}],
  ] as const;
  for (const [call, body, expected] of answers) {
    const answer = await post(plugin.path, `NetworkDriver.${call}`, body);
    assert.deepEqual([call, answer.status, answer.body], [call, 200, expected]);
  }
});

test("an IPAM driver's calls", async () => {
  await using plugin = await serve({ ipamDriver: ipam });
  const options = { "com.docker.network.endpoint.macaddress": "02:00:00:00:00:01" };
  const gateway = { RequestAddressType: "com.docker.network.gateway" };
  const pool = { PoolID: "p1", Data: { "com.docker.network.gateway": "10.9.0.1/24" } };
  const answers = [
    ["GetCapabilities", undefined, { RequiresMACAddress: false, RequiresRequestReplay: false }],
    [
      "GetDefaultAddressSpaces",
      undefined,
      { LocalDefaultAddressSpace: "minelocal", GlobalDefaultAddressSpace: "mineglobal" },
    ],
    ["RequestPool", { AddressSpace: "minelocal", Pool: "", V6: false }, { ...pool, Pool: "10.9.0.0/24" }],
    ["RequestPool", { Pool: "10.8.0.0/24", SubPool: "10.8.0.128/25" }, { ...pool, Pool: "10.8.0.0/24" }],
    ["RequestAddress", { PoolID: "p1", Address: "" }, { Address: "10.9.0.2/24", Data: {} }],
    ["RequestAddress", { PoolID: "p1", Address: "", Options: gateway }, { Address: "10.9.0.254/24", Data: {} }],
    ["RequestAddress", { PoolID: "p1", Options: options }, { Address: "10.9.0.3/24", Data: {} }],
    ["RequestAddress", { PoolID: "p1", Address: "10.9.0.77" }, { Address: "10.9.0.77/24", Data: {} }],
    ["ReleaseAddress", { PoolID: "p1", Address: "10.9.0.77" }, {}],
    ["ReleaseAddress", { PoolID: "p1", Address: "10.9.0.77/24" }, {}],
    ["ReleasePool", { PoolID: "p1" }, {}],
  ] as const;
  for (const [call, body, expected] of answers) {
    const answer = await post(plugin.path, `IpamDriver.${call}`, body);
    assert.deepEqual([call, answer.status, answer.body], [call, 200, expected]);
  }
});

test("a handler's failure is told in Err, and to an IPAM driver's caller in Error too", async () => {
  const fail = (): never => {
    throw new Error("no room");
  };
  await using plugin = await serve({
    networkDriver: { ...recording().driver, join: fail },
    ipamDriver: { ...ipam, requestAddress: fail },
  });
  const join = await post(plugin.path, "NetworkDriver.Join", IDS);
  assert.deepEqual([join.status, join.body], [500, { Err: "no room" }]);
  const address = await post(plugin.path, "IpamDriver.RequestAddress", { PoolID: "p1" });
  assert.deepEqual([address.status, address.body], [500, { Err: "no room", Error: "no room" }]);
});

test("a handler whose answer is no JSON has failed, and the plugin goes on", async () => {
  const { driver } = recording();
  await using plugin = await serve({ networkDriver: { ...driver, operationalInfo: () => ({ count: 1n }) } });
  const answer = await post(plugin.path, "NetworkDriver.EndpointOperInfo", IDS);
  assert.deepEqual([answer.status, answer.body], [500, { Err: "Do not know how to serialize a BigInt" }]);
  assert.equal((await post(plugin.path, "Plugin.Activate")).status, 200);
});

test("a handler that never answers is given up on", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using plugin = await serve({
    networkDriver: { ...recording().driver, leave: () => promise },
    handlerTimeoutMs: 20,
  });
  assert.deepEqual((await post(plugin.path, "NetworkDriver.Leave", IDS)).body, {
    Err: "NetworkDriver.Leave was not answered within 20 ms",
  });
  resolve();
});

test("the socket is root's alone, is taken over from the dead, refused by the living, and gone at the end", async () => {
  const path = socketPath();
  const options = { name: "mine", listen: { socketPath: path }, networkDriver: recording().driver };
  {
    await using plugin = await servePlugin(options);
    assert.equal(plugin.address, `unix://${path}`);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    await assert.rejects(servePlugin(options), /another plugin listens on .*; stop it, or give this one another name/);
  }
  assert.equal(existsSync(path), false);
  const abandoned = createServer().listen(path);
  await new Promise((resolve) => abandoned.once("listening", resolve));
  await new Promise((resolve) => abandoned.close(resolve));
  writeFileSync(path, "no socket");
  await assert.rejects(servePlugin(options), /exists and is not a socket/);
});

test("on a port, it is found by its specification", async () => {
  const specDirectory = join(directory, "specs");
  const options = { name: "mine", networkDriver: recording().driver };
  {
    await using plugin = await servePlugin({ ...options, listen: { host: "127.0.0.1", specDirectory } });
    assert.match(plugin.address, /^tcp:\/\/127\.0\.0\.1:\d+$/);
    assert.equal(readFileSync(join(specDirectory, "mine.spec"), "utf8"), `${plugin.address}\n`);
    const { status } = await fetch(`${plugin.address.replace("tcp:", "http:")}/Plugin.Activate`, { method: "POST" });
    assert.equal(status, 200);
  }
  assert.equal(existsSync(join(specDirectory, "mine.spec")), false);
  await assert.rejects(
    servePlugin({ ...options, listen: { host: "192.0.2.1", specDirectory } }),
    /192\.0\.2\.1 is not a loopback address: give TLS files, or listen on 127\.0\.0\.1/,
  );
});

test("names and plugins that cannot be are refused", async () => {
  await assert.rejects(servePlugin({ name: "../x", ipamDriver: ipam }), /invalid plugin name "\.\.\/x"/);
  await assert.rejects(servePlugin({ name: "idle" }), /plugin idle has neither a network driver nor an IPAM driver/);
});
