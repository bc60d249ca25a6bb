/** struct sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)): family in the machine's order, port and address in the network's. */
import { addressBytes, type IpAddress } from "../../addr/ip-address.ts";
import { ByteWriter } from "../../wire/byte-writer.ts";
import { ADDRESS_FAMILY } from "../server/libc.ts";

/** 16 bytes for IPv4, 28 for IPv6 (flow and scope zero). */
export function encodeSocketAddress(address: IpAddress, port: number): Uint8Array {
  const writer = new ByteWriter(28);
  if (address.family === 4) {
    return writer.u16(ADDRESS_FAMILY.INET).u16be(port).bytes(addressBytes(address)).bytes(new Uint8Array(8)).finish();
  }
  return writer.u16(ADDRESS_FAMILY.INET6).u16be(port).u32(0).bytes(addressBytes(address)).u32(0).finish();
}
