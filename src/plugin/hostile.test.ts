/** What hostile or broken clients send to a plugin: it is refused in words, harms nobody, and never reaches a handler. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { assert as fuzz, asyncProperty, constantFrom, dictionary, json, jsonValue, oneof, string } from "fast-check";
import { IDS, ipam, NETWORK, post, recording, serve } from "./served-plugin.fixture.ts";

test("requests that are none are refused with the field's name, and never reach a handler", async () => {
  const { asked, driver } = recording();
  await using plugin = await serve({ networkDriver: driver, ipamDriver: ipam });
  const cases = [
    ["NetworkDriver.Join", "{", 400, 'NetworkDriver.Join: not JSON: "{"'],
    ["NetworkDriver.Join", [], 400, "NetworkDriver.Join: expected an object, found a list"],
    ["NetworkDriver.Join", { NetworkID: 5 }, 400, "NetworkDriver.Join.NetworkID: expected text, found 5"],
    [
      "NetworkDriver.CreateEndpoint",
      { ...IDS, Interface: { Address: "10.1.0.2" } },
      400,
      'Interface.Address: expected an address with a prefix length, found "10.1.0.2"',
    ],
    [
      "NetworkDriver.CreateEndpoint",
      { ...IDS, Interface: { MacAddress: "zz" } },
      400,
      'Interface.MacAddress: expected a MAC address, found "zz"',
    ],
    ["NetworkDriver.CreateNetwork", { IPv4Data: [{ Pool: "0/0" }] }, 400, 'NetworkID: expected an id, found ""'],
    [
      "NetworkDriver.CreateNetwork",
      { NetworkID: NETWORK, IPv4Data: [{ Pool: "0/0" }] },
      400,
      'IPv4Data.Pool: expected an address with a prefix length, found "0/0"',
    ],
    [
      "NetworkDriver.ProgramExternalConnectivity",
      { ...IDS, Options: { "com.docker.network.portmap": [{ Proto: 1 }] } },
      400,
      'Proto: expected 6 (TCP), 17 (UDP) or 132 (SCTP), found "1"',
    ],
    ["NetworkDriver.Explode", {}, 404, 'mine has no method "NetworkDriver.Explode"'],
    ["../../etc/passwd", {}, 404, 'mine has no method "../../etc/passwd"'],
    ["NetworkDriver.Join", "x".repeat(1024 * 1024 + 1), 413, "the request is larger than 1048576 bytes"],
  ] as const;
  for (const [call, body, status, message] of cases) {
    const answer = await post(plugin.path, call, body);
    assert.deepEqual([call, answer.status, answer.body], [call, status, { Err: message }]);
  }
  const pool = await post(plugin.path, "IpamDriver.RequestPool", { Pool: "all" });
  assert.match(JSON.stringify(pool.body), /"Error":"Pool: expected an address with a prefix length/);
  assert.deepEqual(asked, []);
});

test("whatever is sent, it answers, and goes on", async () => {
  await using plugin = await serve({ networkDriver: recording().driver, ipamDriver: ipam });
  const calls = [
    "Plugin.Activate",
    "NetworkDriver.CreateNetwork",
    "NetworkDriver.CreateEndpoint",
    "NetworkDriver.Join",
  ];
  const field = constantFrom("NetworkID", "EndpointID", "Interface", "Options", "IPv4Data", "__proto__");
  const hostile = oneof(
    string(),
    json(),
    dictionary(field, jsonValue()).map((value) => JSON.stringify(value)),
  );
  await fuzz(
    asyncProperty(constantFrom(...calls), hostile, async (call, body) => {
      const { status, body: answer } = await post(plugin.path, call, body);
      assert.ok([200, 400, 500].includes(status));
      assert.ok(typeof answer === "object" && answer !== null);
    }),
    { numRuns: 300 },
  );
  assert.equal((await post(plugin.path, "Plugin.Activate")).status, 200);
});

test("a client that is cut off, or speaks no HTTP, harms nobody", async () => {
  await using plugin = await serve({ networkDriver: recording().driver });
  for (const bytes of [
    "POST /NetworkDriver.Join HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
    "\0\xff\0\xff\r\n\r\n",
  ]) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = connect(plugin.path, () => {
      socket.write(bytes, () => socket.destroy());
    });
    socket.on("close", () => resolve()).on("error", () => undefined);
    await promise;
  }
  assert.equal((await post(plugin.path, "Plugin.Activate")).status, 200);
});
