/** Numbers of `linux/rtnetlink.h`, `linux/if_addr.h` and `linux/neighbour.h`, under the kernel's names. */

export const RTM = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  SETLINK: 19,
  NEWADDR: 20,
  DELADDR: 21,
  GETADDR: 22,
  NEWROUTE: 24,
  DELROUTE: 25,
  GETROUTE: 26,
  NEWNEIGH: 28,
  DELNEIGH: 29,
  GETNEIGH: 30,
  NEWNSID: 88,
  GETNSID: 90,
} as const;

/** Multicast groups. */
export const RTNLGRP = {
  LINK: 1,
  NEIGH: 3,
  IPV4_IFADDR: 5,
  IPV4_ROUTE: 7,
  IPV6_IFADDR: 9,
  IPV6_ROUTE: 11,
} as const;

export const IFA = { ADDRESS: 1, LOCAL: 2, BROADCAST: 4, FLAGS: 8 } as const;

export const IFA_F = { SECONDARY: 0x01, NODAD: 0x02 } as const;

export const RTA = { DST: 1, OIF: 4, GATEWAY: 5, MULTIPATH: 9, TABLE: 15, VIA: 18 } as const;

export const RTN = { UNSPEC: 0, UNICAST: 1 } as const;

export const RTPROT = { UNSPEC: 0, KERNEL: 2, BOOT: 3 } as const;

export const RT_SCOPE = { UNIVERSE: 0, LINK: 253, NOWHERE: 255 } as const;

export const RT_TABLE = { UNSPEC: 0, MAIN: 254 } as const;

export const RTM_F = { CLONED: 0x200 } as const;

export const NDA = { DST: 1, LLADDR: 2 } as const;

export const NTF = { SELF: 0x02 } as const;

export const NUD = { FAILED: 0x20, NOARP: 0x40, PERMANENT: 0x80 } as const;
