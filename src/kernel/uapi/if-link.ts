/** Numbers of `linux/if_link.h`, `linux/if.h` and `linux/veth.h`, under the kernel's names. */

export const IFLA = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  MASTER: 10,
  PROTINFO: 12,
  LINKINFO: 18,
  IFALIAS: 20,
  STATS64: 23,
  GROUP: 27,
  NET_NS_FD: 28,
  EXT_MASK: 29,
  LINK_NETNSID: 37,
} as const;

/** Inside IFLA.LINKINFO. */
export const IFLA_INFO = { KIND: 1, DATA: 2, SLAVE_KIND: 4, SLAVE_DATA: 5 } as const;

/** IFLA_INFO.DATA of a veth. */
export const VETH_INFO = { PEER: 1 } as const;

/** IFLA_INFO.DATA of a VXLAN. */
export const IFLA_VXLAN = { ID: 1, LOCAL: 4, LEARNING: 7, PROXY: 11, PORT: 15, LOCAL6: 17 } as const;

/** IFLA_INFO.DATA of a macvlan. */
export const IFLA_MACVLAN = { MODE: 1 } as const;

export const MACVLAN_MODE = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;

/** IFLA_INFO.DATA of an ipvlan. */
export const IFLA_IPVLAN = { MODE: 1, FLAGS: 2 } as const;

export const IPVLAN_MODE = { l2: 0, l3: 1, l3s: 2 } as const;

/** Neither flag is "bridge". */
export const IPVLAN_F = { bridge: 0, private: 1, vepa: 2 } as const;

/** IFLA_INFO.DATA of an 802.1Q link. */
export const IFLA_VLAN = { ID: 1 } as const;

/** Inside IFLA.PROTINFO of family AF_BRIDGE, and IFLA_INFO.SLAVE_DATA of kind "bridge". */
export const IFLA_BRPORT = { MODE: 4 } as const;

export const RTEXT_FILTER = { SKIP_STATS: 8 } as const;

export const IFF = { UP: 0x1 } as const;

/** Bytes of an interface name without its terminator. */
export const IFNAME_MAX = 15;
