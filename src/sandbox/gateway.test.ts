/** The order of a sandbox's endpoints and who gives its default routes, as Docker decides it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatAddress, parseAddress } from "../addr/ip-address.ts";
import { chooseGateways, compareEndpoints, sortEndpoints, type GatewayCandidate } from "./gateway.ts";

function endpoint(networkName: string, gateways: string, rest: Partial<GatewayCandidate> = {}): GatewayCandidate {
  const addresses = gateways === "" ? [] : gateways.split(" ").map(parseAddress);
  return { networkName, internal: false, gatewayPriority: 0, gateways: addresses, ...rest };
}

function chosen(...endpoints: GatewayCandidate[]): string[] {
  return chooseGateways(endpoints).map(
    ({ endpoint, family, gateway }) =>
      `${gateway === undefined ? `IPv${family}` : formatAddress(gateway)} of ${endpoint.networkName}`,
  );
}

test("the first by network name gives the default route", () => {
  assert.deepEqual(chosen(endpoint("b", "10.2.0.1"), endpoint("a", "10.1.0.1")), ["10.1.0.1 of a"]);
});

test("an interface that is a way out itself counts like a gateway", () => {
  const routed = endpoint("a", "", { deviceRoutes: [4] });
  assert.deepEqual(chosen(endpoint("b", "10.2.0.1"), routed), ["IPv4 of a"]);
  assert.deepEqual(chosen(endpoint("b", "10.2.0.1 fd00::1"), routed), ["10.2.0.1 of b", "fd00::1 of b"]);
});

test("a higher gateway priority beats the name, a lower one yields to it", () => {
  const a = endpoint("a", "10.1.0.1");
  assert.deepEqual(chosen(a, endpoint("b", "10.2.0.1", { gatewayPriority: 1 })), ["10.2.0.1 of b"]);
  assert.deepEqual(chosen(endpoint("0", "10.2.0.1", { gatewayPriority: -1 }), a), ["10.1.0.1 of a"]);
});

test("a network with gateways of both families comes before one with one", () => {
  assert.deepEqual(chosen(endpoint("a", "10.1.0.1"), endpoint("b", "10.2.0.1 fd00::1")), [
    "10.2.0.1 of b",
    "fd00::1 of b",
  ]);
});

test("families are chosen separately", () => {
  assert.deepEqual(chosen(endpoint("a", "10.1.0.1"), endpoint("b", "fd00::1")), ["10.1.0.1 of a", "fd00::1 of b"]);
});

test("an internal network comes last, even with the first name, and offers nothing", () => {
  const internal = endpoint("a", "", { internal: true });
  assert.deepEqual(
    sortEndpoints([internal, endpoint("b", "")]).map(({ networkName }) => networkName),
    ["b", "a"],
  );
  assert.deepEqual(chosen(internal), []);
});

test("the last resort comes after all others, whatever it offers and wherever the others stand", () => {
  const others = [endpoint("z", ""), endpoint("y", "", { internal: true }), endpoint("x", "", { gatewayPriority: -5 })];
  const way = endpoint("a", "10.1.0.1", { lastResort: true });
  assert.deepEqual(
    sortEndpoints([way, ...others]).map(({ networkName }) => networkName),
    ["z", "y", "x", "a"],
  );
  assert.deepEqual(chosen(way, ...others), ["10.1.0.1 of a"]);
});

test("names are compared byte by byte, not by language", () => {
  assert.deepEqual(
    sortEndpoints([endpoint("a", ""), endpoint("B", "")]).map(({ networkName }) => networkName),
    ["B", "a"],
  );
});

test("the order is a total one and does not depend on where one starts", () => {
  const candidate = fc.record({
    networkName: fc.string(),
    internal: fc.boolean(),
    gatewayPriority: fc.integer({ min: -2, max: 2 }),
    gateways: fc.constantFrom([], [parseAddress("10.0.0.1")], [parseAddress("10.0.0.1"), parseAddress("fd00::1")]),
  });
  fc.assert(
    fc.property(fc.array(candidate), (candidates) => {
      const sorted = sortEndpoints(candidates);
      assert.deepEqual(sortEndpoints(candidates.toReversed()).map(key), sorted.map(key));
      for (const [index, later] of sorted.slice(1).entries()) {
        const earlier = sorted[index];
        assert.ok(earlier !== undefined && compareEndpoints(earlier, later) <= 0);
      }
    }),
  );
});

function key({ networkName, internal, gatewayPriority, gateways }: GatewayCandidate): string {
  return `${gatewayPriority} ${internal} ${gateways.length} ${networkName}`;
}
