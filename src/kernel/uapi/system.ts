/** Numbers of `bits/socket.h`, `linux/sched.h` and `sys/mount.h` for Linux on x86-64 and arm64, under the C library's names. */

export const AF = { UNSPEC: 0, UNIX: 1, INET: 2, BRIDGE: 7, INET6: 10, NETLINK: 16, PACKET: 17 } as const;

export const SOCK = { STREAM: 1, DGRAM: 2, RAW: 3, NONBLOCK: 0o4000, CLOEXEC: 0o2000000 } as const;

export const SOL = { IP: 0, SOCKET: 1, IPV6: 41, NETLINK: 270 } as const;

export const SO = {
  REUSEADDR: 2,
  SNDBUF: 7,
  RCVBUF: 8,
  RCVTIMEO: 20,
  ATTACH_FILTER: 26,
  SNDBUFFORCE: 32,
  RCVBUFFORCE: 33,
} as const;

/** Protocols of sockets that their type does not decide. */
export const IPPROTO = { DEFAULT: 0, SCTP: 132, RAW: 255 } as const;

export const IPV6 = { V6ONLY: 26 } as const;

export const MSG = { TRUNC: 0x20, DONTWAIT: 0x40 } as const;

export const CLONE = { NEWNET: 0x40000000 } as const;

export const MS = { BIND: 0x1000 } as const;

export const MNT = { DETACH: 2 } as const;

/** `statfs.f_type` of a namespace file. */
export const NSFS_MAGIC = 0x6e736673;
