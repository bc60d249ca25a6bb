/** ZooKeeper's wire format, by the layouts that ZooKeeper describes, and over bytes that follow none. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { ByteReader, WireError } from "../../wire/byte-reader.ts";
import { encodeFrame, FrameReader } from "./frames.ts";
import {
  decodeChildren,
  decodeConnect,
  decodeData,
  decodeEvent,
  decodeMulti,
  encodeConnect,
  encodeMulti,
  readInt,
  readLong,
} from "./jute.ts";

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

describe("ZooKeeper's wire format", () => {
  it("writes the request that opens a session", () => {
    assert.equal(
      hex(encodeConnect(6_000, -2n, Buffer.alloc(16, 1))),
      // version, zxid, time, session, password, not read-only
      ["00000000", "0000000000000000", "00001770", "fffffffffffffffe", `00000010${"01".repeat(16)}`, "00"].join(""),
    );
  });

  it("writes a multi", () => {
    const operations = encodeMulti([
      { op: "check", path: "/a", version: 0 },
      { op: "create", path: "/b", data: "x", ephemeral: true },
      { op: "set", path: "/c", data: null, version: -1 },
    ]);
    const acl = `000000010000001f00000005${hex(Buffer.from("world"))}00000006${hex(Buffer.from("anyone"))}`;
    assert.equal(
      hex(operations),
      [
        `0000000d00ffffffff000000022f6100000000`,
        `0000000100ffffffff000000022f620000000178${acl}00000001`,
        `0000000500ffffffff000000022f63ffffffffffffffff`,
        "ffffffff01ffffffff",
      ].join(""),
    );
  });

  it("reads numbers with their sign", () => {
    const reader = new ByteReader(Buffer.from("ffffff93fffffffffffffff900000000000000ff", "hex"));
    assert.deepEqual([readInt(reader), readLong(reader), readLong(reader)], [-109, -7n, 255n]);
  });

  it("finds the first error of a multi that was refused", () => {
    const results = ["ffffffff000000000000000000", "ffffffff00ffffff99ffffff99", "ffffffff01ffffffff"];
    assert.deepEqual(decodeMulti(new ByteReader(Buffer.from(results.join(""), "hex"))), { index: 1, error: -103 });
    assert.equal(decodeMulti(new ByteReader(Buffer.from("ffffffff01ffffffff", "hex"))), undefined);
  });

  it("reads no bytes that are not there, whatever they say", () => {
    const decoders = [decodeChildren, decodeConnect, decodeData, decodeEvent, decodeMulti];
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom(...decoders), (bytes, decode) => {
        try {
          decode(new ByteReader(bytes));
        } catch (error) {
          assert.ok(error instanceof WireError, String(error));
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("cuts a stream into frames wherever it was divided", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.array(fc.nat(30)), (bodies, cuts) => {
        const stream = Buffer.concat(bodies.map((body) => encodeFrame(body)));
        const reader = new FrameReader();
        const frames: string[] = [];
        let at = 0;
        for (const size of [...cuts, stream.length]) {
          for (const frame of reader.push(stream.subarray(at, at + size))) frames.push(hex(frame));
          at += size;
        }
        assert.deepEqual(frames, bodies.map(hex));
      }),
    );
  });
});
