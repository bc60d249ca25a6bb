/**
 * Namespace ids (RTM_NEWNSID, RTM_GETNSID; `struct rtgenmsg`, linux/net_namespace.h): the small number by which one
 * namespace calls another. A link whose parent or socket is in another namespace names it by that number.
 */
import { ByteReader } from "../../wire/byte-reader.ts";
import { ByteWriter } from "../../wire/byte-writer.ts";
import { Attributes, i32Attribute, u32Attribute, writeAttributes } from "../netlink/attribute.ts";
import { NETNSA, NETNSA_NSID_NOT_ASSIGNED } from "../uapi/netlink.ts";

/** The payload that has the kernel give the namespace behind `fd` a number of its choice. */
export function encodeNewNamespaceId(fd: number): Uint8Array {
  return writeAttributes(head(), [
    i32Attribute(NETNSA.NSID, NETNSA_NSID_NOT_ASSIGNED),
    u32Attribute(NETNSA.FD, fd),
  ]).finish();
}

/** The payload that asks for the number of the namespace behind `fd`. */
export function encodeGetNamespaceId(fd: number): Uint8Array {
  return writeAttributes(head(), [u32Attribute(NETNSA.FD, fd)]).finish();
}

/** Reads the answer; undefined when the namespace has no number. Throws WireError. */
export function decodeNamespaceId(payload: Uint8Array): number | undefined {
  const reader = new ByteReader(payload);
  reader.skip(4);
  const id = Attributes.decode(reader.take(reader.remaining)).i32(NETNSA.NSID);
  return id === undefined || id < 0 ? undefined : id;
}

/** Family AF_UNSPEC, padded. */
function head(): ByteWriter {
  return new ByteWriter().u32(0);
}
