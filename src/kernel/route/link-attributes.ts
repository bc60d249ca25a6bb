/**
 * From a link fact to the attributes of the RTM_NEWLINK that makes it, as iproute2 sends them. Indexes and descriptors that
 * only the kernel thread can know come in as `LinkHandles`.
 */
import { addressBytes, type IpAddress } from "../../addr/ip-address.ts";
import { macBytes, type MacAddress } from "../../addr/mac-address.ts";
import type { Device, LinkFact } from "../facts.ts";
import {
  bytesAttribute,
  i32Attribute,
  nestAttribute,
  textAttribute,
  u16Attribute,
  u16beAttribute,
  u32Attribute,
  u8Attribute,
  type Attribute,
} from "../netlink/attribute.ts";
import {
  IFLA,
  IFLA_BRPORT,
  IFLA_INFO,
  IFLA_IPVLAN,
  IFLA_MACVLAN,
  IFLA_VLAN,
  IFLA_VXLAN,
  IPVLAN_F,
  IPVLAN_MODE,
  MACVLAN_MODE,
  VETH_INFO,
} from "../uapi/if-link.ts";
import { NLA_F } from "../uapi/netlink.ts";
import { linkHead } from "./link.ts";

/** What the names of a link fact stand for at this moment. */
export interface LinkHandles {
  readonly masterIndex?: number;
  /** Open descriptor of the namespace that a veth's peer is made in; absent when it is the link's own. */
  readonly peerNamespaceFd?: number;
  /** Index of a macvlan's, an ipvlan's or an 802.1Q link's parent. */
  readonly parentIndex?: number;
  /** Id (RTM_NEWNSID) of the namespace of a macvlan's or ipvlan's parent or a VXLAN's socket; absent when it is the link's own. */
  readonly linkNamespaceId?: number;
}

/** Attributes to create the link with, except its alias, which the kernel takes from RTM_SETLINK only. */
export function createAttributes(fact: LinkFact, handles: LinkHandles): readonly Attribute[] {
  return [
    textAttribute(IFLA.IFNAME, fact.name),
    ...hardwareAttributes(fact),
    ...optional(handles.parentIndex, (index) => u32Attribute(IFLA.LINK, index)),
    ...optional(handles.linkNamespaceId, (id) => i32Attribute(IFLA.LINK_NETNSID, id)),
    ...optional(handles.masterIndex, (index) => u32Attribute(IFLA.MASTER, index)),
    nestAttribute(IFLA.LINKINFO, [kindAttribute(fact.device.type), ...deviceData(fact.device, handles)]),
  ];
}

/** Without a terminating zero, as iproute2 sends it. */
function kindAttribute(kind: string): Attribute {
  return bytesAttribute(IFLA_INFO.KIND, new TextEncoder().encode(kind));
}

/** MAC and MTU, where the fact has an opinion. */
export function hardwareAttributes(wanted: { readonly mac?: MacAddress; readonly mtu?: number }): readonly Attribute[] {
  return [
    ...optional(wanted.mac, (mac) => bytesAttribute(IFLA.ADDRESS, macBytes(mac))),
    ...optional(wanted.mtu, (mtu) => u32Attribute(IFLA.MTU, mtu)),
  ];
}

/** For RTM_SETLINK of family AF_BRIDGE. */
export function hairpinAttributes(hairpin: boolean): readonly Attribute[] {
  return [nestAttribute(IFLA.PROTINFO | NLA_F.NESTED, [u8Attribute(IFLA_BRPORT.MODE, hairpin ? 1 : 0)])];
}

function deviceData(device: Device, handles: LinkHandles): readonly Attribute[] {
  switch (device.type) {
    case "loopback":
    case "unknown":
    case "moved":
    case "bridge":
    case "dummy":
      return [];
    case "veth":
      return [nestAttribute(IFLA_INFO.DATA, [vethPeer(device.peer, handles)])];
    case "vxlan":
      return [nestAttribute(IFLA_INFO.DATA, vxlanData(device))];
    case "macvlan":
      return [nestAttribute(IFLA_INFO.DATA, [u32Attribute(IFLA_MACVLAN.MODE, MACVLAN_MODE[device.mode])])];
    case "ipvlan":
      return [nestAttribute(IFLA_INFO.DATA, ipvlanData(device))];
    case "vlan":
      return [nestAttribute(IFLA_INFO.DATA, [u16Attribute(IFLA_VLAN.ID, device.id)])];
  }
}

type VethPeer = Extract<Device, { type: "veth" }>["peer"];

/** The peer has a head of its own. It cannot come up in the same message: it has no counterpart yet (ENOTCONN). */
function vethPeer(peer: VethPeer, handles: LinkHandles): Attribute {
  const attributes = [
    textAttribute(IFLA.IFNAME, peer.name),
    ...hardwareAttributes(peer),
    ...optional(handles.peerNamespaceFd, (fd) => u32Attribute(IFLA.NET_NS_FD, fd)),
  ];
  return nestAttribute(VETH_INFO.PEER, attributes, linkHead({}));
}

function vxlanData(device: Extract<Device, { type: "vxlan" }>): readonly Attribute[] {
  return [
    u32Attribute(IFLA_VXLAN.ID, device.vni),
    ...optional(device.local, localAttribute),
    u8Attribute(IFLA_VXLAN.LEARNING, device.learning ? 1 : 0),
    u8Attribute(IFLA_VXLAN.PROXY, device.proxy === true ? 1 : 0),
    u16beAttribute(IFLA_VXLAN.PORT, device.port),
  ];
}

function ipvlanData({ mode, flag }: Extract<Device, { type: "ipvlan" }>): readonly Attribute[] {
  const flags = IPVLAN_F[flag];
  return [u16Attribute(IFLA_IPVLAN.MODE, IPVLAN_MODE[mode]), u16Attribute(IFLA_IPVLAN.FLAGS, flags)];
}

function localAttribute(local: IpAddress): Attribute {
  return bytesAttribute(local.family === 4 ? IFLA_VXLAN.LOCAL : IFLA_VXLAN.LOCAL6, addressBytes(local));
}

function optional<T>(value: T | undefined, make: (value: T) => Attribute): readonly Attribute[] {
  return value === undefined ? [] : [make(value)];
}
