/** Shapes of the remote protocol, read as Go reads them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RecordError } from "../../../store/record-reader.ts";
import { IPAM_DRIVER } from "./ipam-driver.ts";
import { NETWORK_DRIVER } from "./network-driver.ts";
import { ACTIVATE, failureOf } from "./protocol.ts";
import { WireReader } from "./wire-reader.ts";

const read = (value: unknown): WireReader => WireReader.parse(JSON.stringify(value), "answer");

test("names match in any case, null and absence are zero values, strangers are passed over", () => {
  assert.deepEqual(NETWORK_DRIVER.GetCapabilities.answer(read({ scope: "global", ConnectivityScope: null, more: 1 })), {
    Scope: "global",
    GwAllocChecker: false,
  });
  assert.deepEqual(NETWORK_DRIVER.CreateEndpoint.answer(read({ Interface: null })), {});
  assert.deepEqual(NETWORK_DRIVER.CreateEndpoint.answer(read({ Interface: { Address: "" } })), { Interface: {} });
  assert.deepEqual(NETWORK_DRIVER.Join.answer(read({})), { StaticRoutes: [], DisableGatewayService: false });
  assert.deepEqual(ACTIVATE.answer(read(null)), { Implements: [] });
  assert.equal(failureOf(read({ Err: "no" }), "Err"), "no");
  assert.equal(failureOf(read({ Err: "no" }), "Error"), "");
});

test("an exact name wins over the same in another case", () => {
  assert.equal(read({ err: "b", Err: "a" }).field("Err").text(), "a");
});

test("wrong types are refused with the field's name", () => {
  const cases: readonly [() => unknown, string][] = [
    [() => NETWORK_DRIVER.Join.answer(read({ Gateway: 5 })), "answer.Gateway: expected text, found 5"],
    [
      () => NETWORK_DRIVER.Join.answer(read({ StaticRoutes: {} })),
      "answer.StaticRoutes: expected a list, found an object",
    ],
    [
      () => NETWORK_DRIVER.Join.answer(read({ StaticRoutes: [{ RouteType: 0.5 }] })),
      "answer.StaticRoutes[0].RouteType: expected a whole number, found 0.5",
    ],
    [() => NETWORK_DRIVER.Join.answer(read([])), "answer: expected an object, found a list"],
    [
      () => NETWORK_DRIVER.Join.answer(read({ DisableGatewayService: "yes" })),
      'answer.DisableGatewayService: expected true or false, found "yes"',
    ],
    [() => IPAM_DRIVER.RequestPool.answer(read({ Data: { a: 1 } })), "answer.Data.a: expected text, found 1"],
    [() => WireReader.parse("", "answer"), 'answer: not JSON: ""'],
    [() => WireReader.parse("<html>", "answer"), 'answer: not JSON: "<html>"'],
  ];
  for (const [read_, message] of cases) {
    assert.throws(read_, (error) => error instanceof RecordError && error.message === message, message);
  }
});

test("a request is read whole", () => {
  const request = {
    NetworkID: "n",
    EndpointID: "e",
    Interface: { Address: "10.0.0.2/24", MacAddress: "02:00:00:00:00:01" },
    Options: { "com.docker.network.portmap": [{ Proto: 6, Port: 80 }], nothing: null },
  };
  assert.deepEqual(NETWORK_DRIVER.CreateEndpoint.request(read(request)), request);
  const network = {
    NetworkID: "n",
    Options: { "com.docker.network.generic": { a: "b" } },
    IPv4Data: [{ AddressSpace: "L", Pool: "10.0.0.0/24", Gateway: "10.0.0.1/24", AuxAddresses: { r: "10.0.0.9/24" } }],
    IPv6Data: [],
  };
  assert.deepEqual(NETWORK_DRIVER.CreateNetwork.request(read(network)), network);
  assert.deepEqual(NETWORK_DRIVER.CreateNetwork.request(read({ ...network, IPv6Data: null })), network);
});

test("nesting of any depth is no matter", () => {
  const deep = `{"Options":{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`;
  assert.ok("a" in NETWORK_DRIVER.Join.request(WireReader.parse(deep, "request")).Options);
});

test("a member called __proto__ is a member", () => {
  const { Options } = NETWORK_DRIVER.Join.request(WireReader.parse('{"Options":{"__proto__":{"x":1}}}', "request"));
  assert.deepEqual(Object.keys(Options), ["__proto__"]);
});
