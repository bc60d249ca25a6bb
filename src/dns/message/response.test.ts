import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatAddress, parseAddress, addressBytes } from "../../addr/ip-address.ts";
import { TYPE } from "./codes.ts";
import { decodeQuery, type Query } from "./query.ts";
import { ReplyWriter } from "./reply.ts";
import { decodeResponse, listAddressRecords } from "./response.ts";

const MESSAGE = Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 2, 0x43, 0x31, 0, 0, 1, 0, 1]);

function query(): Query {
  const decoded = decodeQuery(MESSAGE);
  assert.ok(decoded.kind === "query");
  return decoded.query;
}

function reply(...addresses: string[]): Uint8Array {
  const bytes = new Uint8Array(512);
  const writer = new ReplyWriter(bytes);
  writer.begin(MESSAGE, query(), { start: 0, limit: 512 });
  for (const text of addresses) writer.record(TYPE.A, addressBytes(parseAddress(text)));
  return bytes.slice(0, writer.finish());
}

test("the answer to our question under our id is read with its addresses", () => {
  const message = reply("192.0.2.1", "192.0.2.2");
  const response = decodeResponse(message, query(), 1);
  assert.ok(response !== undefined);
  assert.deepEqual(
    listAddressRecords(message, response).map(({ name, address }) => `${name} ${formatAddress(address)}`),
    ["c1 192.0.2.1", "c1 192.0.2.2"],
  );
});

test("another id, another name, another type, and a query are not our answer", () => {
  const change = (offset: number, value: number): Uint8Array => {
    const message = reply("192.0.2.1");
    message[offset] = value;
    return message;
  };
  for (const [offset, value] of [
    [1, 2],
    [2, 0x01],
    [13, 0x64],
    [17, 28],
    [5, 2],
  ] as const) {
    assert.equal(decodeResponse(change(offset, value), query(), 1), undefined, `byte ${offset}`);
  }
});

test("a failure may come without the question, an address may not", () => {
  const bare = Buffer.from([0, 1, 0x81, 0x82, 0, 0, 0, 0, 0, 0, 0, 0]);
  assert.equal(decodeResponse(bare, query(), 1)?.rcode, 2);
  bare[3] = 0x80;
  assert.equal(decodeResponse(bare, query(), 1), undefined);
});

test("whatever follows the question, reading ends, and no more than 64 addresses come of it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 900 }), (rest) => {
      const message = Buffer.concat([reply(), rest]);
      message.set([0xff, 0xff], 6);
      const response = decodeResponse(message, query(), 1);
      assert.ok(response !== undefined);
      assert.ok(listAddressRecords(message, response).length <= 64);
    }),
  );
});
