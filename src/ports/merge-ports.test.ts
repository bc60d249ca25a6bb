import assert from "node:assert/strict";
import { test } from "node:test";
import { assert as check, integer, property, tuple, uniqueArray } from "fast-check";
import { parseAddress } from "../addr/ip-address.ts";
import { mergePorts, splitPorts, type PortMapping } from "./merge-ports.ts";

const any = parseAddress("0.0.0.0");

function one(host: number | undefined, container: number, hostAddress = any): PortMapping {
  const containerPorts = { first: container, last: container };
  return {
    protocol: "tcp",
    hostAddress,
    containerPorts,
    ...(host === undefined ? {} : { hostPorts: { first: host, last: host } }),
  };
}

test("neighbours with the same distance are one range", () => {
  const ports = Array.from({ length: 500 }, (_, index) => one(8000 + index, 80 + index));
  assert.deepEqual(mergePorts(ports.toReversed()), [
    {
      protocol: "tcp",
      hostAddress: any,
      hostPorts: { first: 8000, last: 8499 },
      containerPorts: { first: 80, last: 579 },
    },
  ]);
});

test("other addresses, protocols, gaps and distances are ranges of their own", () => {
  const loopback = parseAddress("127.0.0.1");
  const udp: PortMapping = { ...one(8001, 81), protocol: "udp" };
  const apart = [one(8000, 80), one(8001, 81, loopback), udp, one(8002, 82), one(8003, 90)];
  assert.equal(mergePorts(apart).length, 5);
});

test("ports that take none of the host's are ranges of the container's", () => {
  const [merged, ...rest] = mergePorts([one(undefined, 81), one(undefined, 80)]);
  assert.deepEqual(rest, []);
  assert.deepEqual(merged, { protocol: "tcp", hostAddress: any, containerPorts: { first: 80, last: 81 } });
});

test("merging loses no port and makes up none", () => {
  const port = integer({ min: 1, max: 40 });
  check(
    property(uniqueArray(tuple(port, port), { selector: ([host]) => host }), (pairs) => {
      const ports = pairs.map(([host, container]) => one(host, container));
      const again = mergePorts(ports).flatMap(splitPorts);
      const text = (list: readonly PortMapping[]): string[] =>
        list.map(({ hostPorts, containerPorts }) => `${hostPorts?.first} ${containerPorts.first}`).sort();
      assert.deepEqual(text(again), text(ports));
    }),
  );
});
