/**
 * Frames by which a station says where its address is now, unasked, so that neighbours who remember another station for it
 * forget that one: an ARP announcement (RFC 5227 section 2.3, RFC 826) and an unsolicited neighbour advertisement (RFC 4861
 * sections 4.4 and 7.2.6). Pure.
 *
 *     ARP    | to ff:ff:ff:ff:ff:ff | from | 0806 | 1 | 0800 | 6 | 4 | 1 request | mac | address | 0 | address |
 *     NA     | to 33:33:00:00:00:01 | from | 86dd | IPv6 header 40 | 136 | 0 | sum | override | address | 2 | 1 | mac |
 */
import { addressBytes, parseAddress, type IpAddress } from "../../addr/ip-address.ts";
import { macBytes, parseMac, type MacAddress } from "../../addr/mac-address.ts";
import { ByteWriter } from "../../wire/byte-writer.ts";

const ETHERTYPE = { IPV4: 0x0800, ARP: 0x0806, IPV6: 0x86dd } as const;
const EVERYBODY = macBytes(parseMac("ff:ff:ff:ff:ff:ff"));
const ALL_NODES = addressBytes(parseAddress("ff02::1"));
const ALL_NODES_MAC = macBytes(parseMac("33:33:00:00:00:01"));
const ICMPV6 = 58;
const NEIGHBOUR_ADVERTISEMENT = 136;
/** The receiver replaces what it knew. The router bit is left clear: containers are hosts. */
const OVERRIDE = 0x2000_0000;
const ADVERTISEMENT_BYTES = 32;
/** What has passed a router is not believed. */
const HOP_LIMIT = 255;

/** The Ethernet frame, without padding, that tells the whole segment that `mac` has `address`. */
export function announcementFrame(mac: MacAddress, address: IpAddress): Uint8Array {
  return address.family === 4 ? arpFrame(macBytes(mac), address) : advertisementFrame(macBytes(mac), address);
}

function arpFrame(mac: Uint8Array, address: IpAddress): Uint8Array {
  const own = addressBytes(address);
  const writer = ethernet(EVERYBODY, mac, ETHERTYPE.ARP);
  writer.u16be(1).u16be(ETHERTYPE.IPV4).u8(6).u8(4).u16be(1);
  return writer.bytes(mac).bytes(own).bytes(new Uint8Array(6)).bytes(own).finish();
}

function advertisementFrame(mac: Uint8Array, address: IpAddress): Uint8Array {
  const own = addressBytes(address);
  const body = (checksum: number): Uint8Array =>
    new ByteWriter(ADVERTISEMENT_BYTES)
      .u8(NEIGHBOUR_ADVERTISEMENT)
      .u8(0)
      .u16be(checksum)
      .u32be(OVERRIDE)
      .bytes(own)
      .u8(2)
      .u8(1)
      .bytes(mac)
      .finish();
  const pseudoHeader = new ByteWriter(40).bytes(own).bytes(ALL_NODES).u32be(ADVERTISEMENT_BYTES).u32be(ICMPV6).finish();
  const checksum = internetChecksum(Buffer.concat([pseudoHeader, body(0)]));
  const writer = ethernet(ALL_NODES_MAC, mac, ETHERTYPE.IPV6);
  writer.u32be(0x6000_0000).u16be(ADVERTISEMENT_BYTES).u8(ICMPV6).u8(HOP_LIMIT).bytes(own).bytes(ALL_NODES);
  return writer.bytes(body(checksum)).finish();
}

function ethernet(to: Uint8Array, from: Uint8Array, type: number): ByteWriter {
  return new ByteWriter(86).bytes(to).bytes(from).u16be(type);
}

/** RFC 1071, over an even number of bytes. */
function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
