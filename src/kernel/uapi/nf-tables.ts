/** Numbers of `linux/netfilter/nfnetlink.h`, `nf_tables.h`, `linux/netfilter.h`, `nf_nat.h` and `nf_conntrack_common.h`. */

export const NFNL_SUBSYS = { NFTABLES: 10 } as const;

export const NFNL_MSG = { BATCH_BEGIN: 0x10, BATCH_END: 0x11 } as const;

export const NFT_MSG = {
  NEWTABLE: 0,
  GETTABLE: 1,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  DELCHAIN: 5,
  NEWRULE: 6,
  GETRULE: 7,
  DELRULE: 8,
  NEWSET: 9,
  GETSET: 10,
  DELSET: 11,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  DELSETELEM: 14,
  GETGEN: 16,
} as const;

/** Hook numbers of `enum nf_inet_hooks`, by the words of nft. */
export const NF_INET_HOOK = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;

export const NF = { DROP: 0, ACCEPT: 1 } as const;

export const NFT_VERDICT = { CONTINUE: -1, BREAK: -2, JUMP: -3, GOTO: -4, RETURN: -5 } as const;

export const NFTA_GEN = { ID: 1 } as const;
export const NFTA_LIST = { ELEM: 1 } as const;
export const NFTA_TABLE = { NAME: 1, FLAGS: 2 } as const;
export const NFTA_HOOK = { HOOKNUM: 1, PRIORITY: 2 } as const;
export const NFTA_CHAIN = { TABLE: 1, HANDLE: 2, NAME: 3, HOOK: 4, POLICY: 5, USE: 6, TYPE: 7 } as const;
export const NFTA_RULE = { TABLE: 1, CHAIN: 2, HANDLE: 3, EXPRESSIONS: 4, USERDATA: 7 } as const;

export const NFT_SET = { ANONYMOUS: 0x1, CONSTANT: 0x2, INTERVAL: 0x4, MAP: 0x8, CONCAT: 0x80 } as const;
export const NFTA_SET = {
  TABLE: 1,
  NAME: 2,
  FLAGS: 3,
  KEY_TYPE: 4,
  KEY_LEN: 5,
  DATA_TYPE: 6,
  DATA_LEN: 7,
  DESC: 9,
  ID: 10,
  USERDATA: 13,
} as const;
export const NFTA_SET_DESC = { SIZE: 1, CONCAT: 2 } as const;
export const NFTA_SET_FIELD = { LEN: 1 } as const;

export const NFT_SET_ELEM = { INTERVAL_END: 0x1, CATCHALL: 0x2 } as const;
export const NFTA_SET_ELEM = { KEY: 1, DATA: 2, FLAGS: 3, KEY_END: 10 } as const;
export const NFTA_SET_ELEM_LIST = { TABLE: 1, SET: 2, ELEMENTS: 3, SET_ID: 4 } as const;

/** Type of the data of a verdict map. */
export const NFT_DATA_VERDICT = 0xffff_ff00;
export const NFTA_DATA = { VALUE: 1, VERDICT: 2 } as const;
export const NFTA_VERDICT = { CODE: 1, CHAIN: 2 } as const;

export const NFTA_EXPR = { NAME: 1, DATA: 2 } as const;
export const NFTA_IMMEDIATE = { DREG: 1, DATA: 2 } as const;
export const NFTA_BITWISE = { SREG: 1, DREG: 2, LEN: 3, MASK: 4, XOR: 5, OP: 6 } as const;
export const NFTA_CMP = { SREG: 1, OP: 2, DATA: 3 } as const;
export const NFTA_LOOKUP = { SET: 1, SREG: 2, DREG: 3, SET_ID: 4, FLAGS: 5 } as const;
export const NFT_LOOKUP_F = { INV: 1 } as const;
export const NFTA_PAYLOAD = { DREG: 1, BASE: 2, OFFSET: 3, LEN: 4 } as const;
export const NFTA_META = { DREG: 1, KEY: 2 } as const;
export const NFTA_CT = { DREG: 1, KEY: 2, DIRECTION: 3 } as const;
export const NFTA_FIB = { DREG: 1, RESULT: 2, FLAGS: 3 } as const;
export const NFTA_FIB_RESULT = { ADDRTYPE: 3 } as const;
export const NFTA_FIB_F = { SADDR: 1, DADDR: 2 } as const;
export const NFTA_COUNTER = { BYTES: 1, PACKETS: 2 } as const;
export const NFTA_NAT = {
  TYPE: 1,
  FAMILY: 2,
  REG_ADDR_MIN: 3,
  REG_ADDR_MAX: 4,
  REG_PROTO_MIN: 5,
  REG_PROTO_MAX: 6,
  FLAGS: 7,
} as const;

export const NFT_NAT = { SNAT: 0, DNAT: 1 } as const;
/** `enum nft_cmp_ops`, by the words of `nft --debug`. */
export const NFT_CMP = { eq: 0, neq: 1, lt: 2, lte: 3, gt: 4, gte: 5 } as const;
/** `enum nft_payload_bases`. */
export const NFT_PAYLOAD = { link: 0, network: 1, transport: 2 } as const;
/** `enum nft_meta_keys`, those that we use. */
export const NFT_META = { mark: 3, iif: 4, iifname: 6, oifname: 7, l4proto: 16 } as const;
/** `enum nft_ct_keys`, those that we use. */
export const NFT_CT = { state: 0, status: 2, mark: 3 } as const;

/** `NF_CT_STATE_BIT` of the states of a connection. */
export const CT_STATE = { INVALID: 1, ESTABLISHED: 2, RELATED: 4, NEW: 8 } as const;
/** `enum ip_conntrack_status`. */
export const IPS = { SRC_NAT: 0x10, DST_NAT: 0x20 } as const;
/** `RTN_LOCAL` of `linux/rtnetlink.h`, which `fib` calls `local`. */
export const FIB_TYPE = { LOCAL: 2 } as const;
