/** Ethernet addresses as text, bytes and numbers. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  formatMac,
  isStationMac,
  macBytes,
  macFromBytes,
  parseMac,
  randomMac,
  sameMac,
  tryParseMac,
} from "./mac-address.ts";

const anyMac = fc.bigInt({ min: 0n, max: 2n ** 48n - 1n }).map((mac) => ({ mac }));

describe("a MAC address", () => {
  it("is read with colons or dashes, in any case, and printed in lower case with colons", () => {
    assert.equal(formatMac(parseMac("02:42:AC:11:00:02")), "02:42:ac:11:00:02");
    assert.equal(formatMac(parseMac("00-00-00-00-00-0a")), "00:00:00:00:00:0a");
  });

  for (const text of [
    "",
    "02:42:ac:11:00",
    "02:42:ac:11:00:02:03",
    "2:42:ac:11:0:2",
    "0242ac110002",
    "02:42:ac:11:00:0g",
  ]) {
    it(`is not ${JSON.stringify(text)}`, () => {
      assert.equal(tryParseMac(text), undefined);
      assert.throws(() => parseMac(text), SyntaxError);
    });
  }

  it("survives text and bytes", () => {
    fc.assert(
      fc.property(anyMac, (address) => {
        assert.ok(sameMac(parseMac(formatMac(address)), address));
        assert.deepEqual(macFromBytes(macBytes(address)), address);
      }),
    );
  });

  it("is a station's unless it is a group's or zero", () => {
    const texts = [
      "02:42:ac:11:00:02",
      "00:00:00:00:00:01",
      "00:00:00:00:00:00",
      "01:00:5e:00:00:01",
      "ff:ff:ff:ff:ff:ff",
    ];
    assert.deepEqual(
      texts.map((text) => isStationMac(parseMac(text))),
      [true, true, false, false, false],
    );
  });

  it("has six bytes, no more and no fewer", () => {
    assert.deepEqual([...macBytes(parseMac("02:42:ac:11:00:02"))], [2, 0x42, 0xac, 0x11, 0, 2]);
    for (const length of [0, 5, 7, 8]) assert.equal(macFromBytes(new Uint8Array(length)), undefined);
  });

  it("made at random is locally administered and unicast, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6, maxLength: 6 }), (bytes) => {
        const [first = 0, ...rest] = macBytes(randomMac(() => bytes));
        assert.equal(first & 0b11, 0b10);
        assert.deepEqual(rest, [...bytes.subarray(1)]);
      }),
    );
    assert.ok(!sameMac(randomMac(), randomMac()));
  });
});
