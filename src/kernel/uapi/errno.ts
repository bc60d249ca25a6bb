/** Errors of `asm-generic/errno.h` and `linux/errno.h` that the kernel's network code gives and libuv has no names for. */

export const ERRNO = { EXFULL: 54, ENONET: 64, ENOTUNIQ: 76, EUNATCH: 49, ENOTSUPP: 524 } as const;
