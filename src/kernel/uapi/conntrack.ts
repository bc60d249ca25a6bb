/** Numbers of `linux/netfilter/nfnetlink_conntrack.h` and of the protocols in `linux/in.h`, under the kernel's names. */

export const NFNL_SUBSYS_CTNETLINK = 1;

export const IPCTNL_MSG_CT = { NEW: 0, GET: 1, DELETE: 2 } as const;

export const CTA = { TUPLE_ORIG: 1, TUPLE_REPLY: 2, ID: 12, ZONE: 18, FILTER: 25 } as const;

export const CTA_TUPLE = { IP: 1, PROTO: 2 } as const;

export const CTA_IP = { V4_SRC: 1, V4_DST: 2, V6_SRC: 3, V6_DST: 4 } as const;

export const CTA_PROTO = { NUM: 1, SRC_PORT: 2, DST_PORT: 3 } as const;

/** Since kernel 5.8: which fields of a tuple a dump is to compare. Older kernels ignore it and dump more. */
export const CTA_FILTER = { ORIG_FLAGS: 1, REPLY_FLAGS: 2 } as const;

export const CTA_FILTER_F = { IP_SRC: 0x01, PROTO_NUM: 0x08 } as const;

/** Values of CTA_PROTO_NUM. */
export const PROTOCOL = { tcp: 6, udp: 17, sctp: 132 } as const;
