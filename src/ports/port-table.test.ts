import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress, parseAddress } from "../addr/ip-address.ts";
import { PortTable } from "./port-table.ts";

const any = parseAddress("0.0.0.0");
const any6 = parseAddress("::");
const loopback = parseAddress("127.0.0.1");
const lan = parseAddress("192.0.2.1");
const none = new Set<number>();

test("an unspecified address conflicts with every address of its family, and with no other", () => {
  const cases = [
    { taken: any, wanted: loopback, conflict: true },
    { taken: loopback, wanted: any, conflict: true },
    { taken: loopback, wanted: lan, conflict: false },
    { taken: lan, wanted: lan, conflict: true },
    { taken: any, wanted: any6, conflict: false },
    { taken: any6, wanted: parseAddress("::1"), conflict: true },
  ];
  for (const { taken, wanted, conflict } of cases) {
    const table = new PortTable();
    table.take("tcp", [taken], 80);
    const name = `${formatAddress(taken)} then ${formatAddress(wanted)}`;
    assert.equal(table.conflict("tcp", [wanted], 80) !== undefined, conflict, name);
    assert.equal(table.conflict("udp", [wanted], 80), undefined, name);
    assert.equal(table.conflict("tcp", [wanted], 81), undefined, name);
    table.release("tcp", [taken], 80);
    assert.equal(table.conflict("tcp", [wanted], 80), undefined, name);
  }
});

test("a search goes on after the port handed out last, and begins anew at the end", () => {
  const table = new PortTable();
  const find = (): number | undefined => table.find("tcp", [any], { first: 1000, last: 1002 }, none);
  assert.deepEqual([find(), find(), find(), find()], [1000, 1001, 1002, 1000]);
  table.take("tcp", [any], 1001);
  assert.equal(find(), 1002);
});

test("a port must be free at both addresses of a pair, and one that is excluded is passed over", () => {
  const table = new PortTable();
  table.take("tcp", [any], 1000);
  table.take("tcp", [any6], 1001);
  const find = (excluded: ReadonlySet<number>): number | undefined =>
    table.find("tcp", [any, any6], { first: 1000, last: 1003 }, excluded);
  assert.equal(find(new Set([1002])), 1003);
  assert.equal(find(new Set([1002, 1003])), undefined);
});
