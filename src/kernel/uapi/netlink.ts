/** Numbers of `linux/netlink.h` and `linux/net_namespace.h`, under the kernel's names. */

export const NLM_F = {
  REQUEST: 0x01,
  MULTI: 0x02,
  ACK: 0x04,
  ECHO: 0x08,
  DUMP_INTR: 0x10,
  /** On GET requests. */
  DUMP: 0x300,
  /** On NEW requests. */
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
  APPEND: 0x800,
  /** On acknowledgements. */
  CAPPED: 0x100,
  ACK_TLVS: 0x200,
} as const;

export const NLMSG = { NOOP: 1, ERROR: 2, DONE: 3, OVERRUN: 4 } as const;

export const NLMSGERR_ATTR = { MSG: 1, OFFS: 2 } as const;

export const NLA_F = { NESTED: 0x8000, NET_BYTEORDER: 0x4000 } as const;

/** Protocols of the AF_NETLINK family. */
export const NETLINK = { ROUTE: 0, NETFILTER: 12 } as const;

/** Options at level SOL_NETLINK. */
export const NETLINK_OPTION = { ADD_MEMBERSHIP: 1, CAP_ACK: 10, EXT_ACK: 11, GET_STRICT_CHK: 12 } as const;

export const NETNSA = { NSID: 1, PID: 2, FD: 3 } as const;

export const NETNSA_NSID_NOT_ASSIGNED = -1;
