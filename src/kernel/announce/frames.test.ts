import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../addr/ip-address.ts";
import { parseMac } from "../../addr/mac-address.ts";
import { announcementFrame } from "./frames.ts";

const MAC = parseMac("02:42:ac:12:00:02");
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("an IPv4 address is announced by a request for itself, to everybody", () => {
  assert.equal(
    hex(announcementFrame(MAC, parseAddress("172.18.0.2"))),
    ["ffffffffffff0242ac1200020806", "0001080006040001", "0242ac120002ac120002", "000000000000ac120002"].join(""),
  );
});

test("an IPv6 address is advertised to all nodes, overriding what they knew", () => {
  const frame = announcementFrame(MAC, parseAddress("fd00::2"));
  assert.equal(frame.length, 14 + 40 + 32);
  assert.equal(hex(frame.subarray(0, 14)), "3333000000010242ac12000286dd");
  const own = "fd000000000000000000000000000002";
  assert.equal(hex(frame.subarray(14, 54)), `6000000000203aff${own}ff020000000000000000000000000001`);
  assert.equal(hex(frame.subarray(58)), `20000000${own}02010242ac120002`);
});
