/**
 * Link messages (RTM_NEWLINK, RTM_SETLINK, RTM_DELLINK; `struct ifinfomsg`, linux/rtnetlink.h and linux/if_link.h).
 *
 *     0        1     2        4         8        12            16
 *     | family | pad | hwtype | index   | flags  | change mask | attributes ...
 */
import { addressFromBytes } from "../../addr/ip-address.ts";
import { macFromBytes, type MacAddress } from "../../addr/mac-address.ts";
import { ByteReader } from "../../wire/byte-reader.ts";
import { ByteWriter } from "../../wire/byte-writer.ts";
import { Attributes, writeAttributes, type Attribute } from "../netlink/attribute.ts";
import type { LinkStatistics, ObservedVxlan } from "../observation.ts";
import {
  IFF,
  IFLA,
  IFLA_BRPORT,
  IFLA_INFO,
  IFLA_IPVLAN,
  IFLA_MACVLAN,
  IFLA_VLAN,
  IFLA_VXLAN,
} from "../uapi/if-link.ts";

/** The fixed head of a link message to send; what is left out is 0. */
export interface LinkHead {
  readonly family?: number;
  readonly index?: number;
  /** Sets the link up or down; left out, its state stays. */
  readonly up?: boolean;
}

/** A link as the kernel tells it. */
export interface LinkMessage {
  readonly index: number;
  readonly up: boolean;
  readonly name: string;
  /** "" for hardware and loopback. */
  readonly kind: string;
  readonly mac?: MacAddress;
  readonly mtu: number;
  readonly alias?: string;
  readonly group: number;
  readonly masterIndex?: number;
  /** The peer of a veth, the parent of a macvlan, an ipvlan or an 802.1Q link. */
  readonly linkIndex?: number;
  readonly hairpin?: boolean;
  readonly vxlan?: ObservedVxlan;
  /** MACVLAN_MODE of a macvlan. */
  readonly macvlanMode?: number;
  /** IPVLAN_MODE and IPVLAN_F of an ipvlan. */
  readonly ipvlan?: { readonly mode: number; readonly flags: number };
  readonly vlanId?: number;
  readonly statistics: LinkStatistics;
}

const NO_STATISTICS: LinkStatistics = {
  rxBytes: 0n,
  rxPackets: 0n,
  rxErrors: 0n,
  rxDropped: 0n,
  txBytes: 0n,
  txPackets: 0n,
  txErrors: 0n,
  txDropped: 0n,
};

/** The bytes of `struct ifinfomsg`. */
export function linkHead(head: LinkHead): Uint8Array {
  return new ByteWriter(16)
    .u8(head.family ?? 0)
    .u8(0)
    .u16(0)
    .i32(head.index ?? 0)
    .u32(head.up === true ? IFF.UP : 0)
    .u32(head.up === undefined ? 0 : IFF.UP)
    .finish();
}

/** The payload of a link message. */
export function encodeLink(head: LinkHead, attributes: readonly Attribute[]): Uint8Array {
  return writeAttributes(new ByteWriter().bytes(linkHead(head)), attributes).finish();
}

/** Reads the payload of an RTM_NEWLINK. Throws WireError. */
export function decodeLink(payload: Uint8Array): LinkMessage {
  const reader = new ByteReader(payload);
  reader.skip(4);
  const index = reader.i32();
  const flags = reader.u32();
  reader.skip(4);
  const attributes = Attributes.decode(reader.take(reader.remaining));
  const alias = attributes.text(IFLA.IFALIAS);
  const masterIndex = attributes.u32(IFLA.MASTER);
  const linkIndex = attributes.u32(IFLA.LINK);
  const mac = macFromBytes(attributes.bytes(IFLA.ADDRESS) ?? new Uint8Array());
  return {
    index,
    up: (flags & IFF.UP) !== 0,
    name: attributes.text(IFLA.IFNAME) ?? "",
    mtu: attributes.u32(IFLA.MTU) ?? 0,
    group: attributes.u32(IFLA.GROUP) ?? 0,
    statistics: decodeStatistics(attributes.bytes(IFLA.STATS64)),
    ...decodeInfo(attributes.nested(IFLA.LINKINFO), attributes.i32(IFLA.LINK_NETNSID) !== undefined),
    ...(mac === undefined ? {} : { mac }),
    ...(alias === undefined ? {} : { alias }),
    ...(masterIndex === undefined ? {} : { masterIndex }),
    ...(linkIndex === undefined ? {} : { linkIndex }),
  };
}

type LinkInfo = Pick<LinkMessage, "kind" | "hairpin"> & DeviceInfo;
type DeviceInfo = Pick<LinkMessage, "vxlan" | "macvlanMode" | "ipvlan" | "vlanId">;

/** `isAcross`: the link names another namespace as that of its parent, peer or socket. */
function decodeInfo(info: Attributes | undefined, isAcross: boolean): LinkInfo {
  const kind = info?.text(IFLA_INFO.KIND) ?? "";
  return { kind, ...decodeDevice(kind, info?.bytes(IFLA_INFO.DATA), isAcross), ...decodePort(info) };
}

const DEVICES: Readonly<Record<string, (data: Attributes, isAcross: boolean) => DeviceInfo>> = {
  vxlan: (data, isAcross) => ({ vxlan: { ...decodeVxlan(data), isAcross } }),
  macvlan: (data) => ({ macvlanMode: data.u32(IFLA_MACVLAN.MODE) ?? 0 }),
  ipvlan: (data) => ({ ipvlan: { mode: data.u16(IFLA_IPVLAN.MODE) ?? 0, flags: data.u16(IFLA_IPVLAN.FLAGS) ?? 0 } }),
  vlan: (data) => ({ vlanId: data.u16(IFLA_VLAN.ID) ?? 0 }),
};

/** Data of other kinds is not looked at: it need not be attributes. */
function decodeDevice(kind: string, data: Uint8Array | undefined, isAcross: boolean): DeviceInfo {
  const decode = Object.hasOwn(DEVICES, kind) ? DEVICES[kind] : undefined;
  return data === undefined || decode === undefined ? {} : decode(Attributes.decode(data), isAcross);
}

function decodePort(info: Attributes | undefined): Pick<LinkInfo, "hairpin"> {
  if (info?.text(IFLA_INFO.SLAVE_KIND) !== "bridge") return {};
  return { hairpin: (info.nested(IFLA_INFO.SLAVE_DATA)?.u8(IFLA_BRPORT.MODE) ?? 0) !== 0 };
}

function decodeVxlan(data: Attributes): Omit<ObservedVxlan, "isAcross"> {
  const local = addressFromBytes(data.bytes(IFLA_VXLAN.LOCAL) ?? data.bytes(IFLA_VXLAN.LOCAL6) ?? new Uint8Array());
  return {
    vni: data.u32(IFLA_VXLAN.ID) ?? 0,
    port: data.u16be(IFLA_VXLAN.PORT) ?? 0,
    learning: (data.u8(IFLA_VXLAN.LEARNING) ?? 0) !== 0,
    proxy: (data.u8(IFLA_VXLAN.PROXY) ?? 0) !== 0,
    ...(local === undefined ? {} : { local }),
  };
}

/** The head of `struct rtnl_link_stats64`: rx and tx by turns, of packets, bytes, errors, dropped. */
function decodeStatistics(bytes: Uint8Array | undefined): LinkStatistics {
  if (bytes === undefined) return NO_STATISTICS;
  const reader = new ByteReader(bytes);
  return {
    rxPackets: reader.u64(),
    txPackets: reader.u64(),
    rxBytes: reader.u64(),
    txBytes: reader.u64(),
    rxErrors: reader.u64(),
    txErrors: reader.u64(),
    rxDropped: reader.u64(),
    txDropped: reader.u64(),
  };
}
