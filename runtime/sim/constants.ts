/** Numbers of the kernel's interfaces that the simulation shares; sources are the uapi headers. */

/** asm-generic/errno-base.h and errno.h. */
export const errno = {
  EPERM: 1, ENOENT: 2, EIO: 5, EBADF: 9, EAGAIN: 11, ENOMEM: 12, EACCES: 13, EBUSY: 16, EEXIST: 17,
  ENODEV: 19, ENOTDIR: 20, EISDIR: 21, EINVAL: 22, EMFILE: 24, EFBIG: 27, ENOSPC: 28, EPIPE: 32,
  ENAMETOOLONG: 36,
  EMSGSIZE: 90, EOPNOTSUPP: 95, EADDRINUSE: 98, EADDRNOTAVAIL: 99, ENETDOWN: 100,
  ENETUNREACH: 101, ENOBUFS: 105, ECONNREFUSED: 111, EHOSTUNREACH: 113,
} as const;

/** linux/if.h */
export const iff = {
  UP: 0x1, BROADCAST: 0x2, LOOPBACK: 0x8, POINTOPOINT: 0x10, RUNNING: 0x40, NOARP: 0x80,
  MULTICAST: 0x1000, LOWER_UP: 0x10000,
} as const;

/** linux/rtnetlink.h: route types, protocols, scopes, tables. */
export const rtn = { UNICAST: 1, LOCAL: 2, BLACKHOLE: 6, UNREACHABLE: 7, PROHIBIT: 8 } as const;
export const rtprot = { KERNEL: 2, BOOT: 3, STATIC: 4, RA: 9, DHCP: 16 } as const;
export const scope = { UNIVERSE: 0, LINK: 253, HOST: 254 } as const;
export const table = { DEFAULT: 253, MAIN: 254, LOCAL: 255 } as const;

/** linux/fib_rules.h */
export const action = {
  TO_TABLE: 1, GOTO: 2, NOP: 3, BLACKHOLE: 6, UNREACHABLE: 7, PROHIBIT: 8,
} as const;

/** linux/neighbour.h */
export const nud = {
  INCOMPLETE: 0x1, REACHABLE: 0x2, STALE: 0x4, DELAY: 0x8, PROBE: 0x10, FAILED: 0x20,
  NOARP: 0x40, PERMANENT: 0x80,
} as const;

/** What marks kernel objects as ours; see docs on the kernel scheme in ARCHITECTURE. */
export const ours = {
  PROTOCOL: 173, PRIORITY_MIN: 8, PRIORITY_MAX: 255, TABLE_FAMILY: "inet", TABLE_NAME: "adit",
} as const;
