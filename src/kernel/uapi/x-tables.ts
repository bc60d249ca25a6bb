/** Numbers of `linux/netfilter/x_tables.h`, `linux/netfilter_ipv4/ip_tables.h` and `linux/netfilter_ipv6/ip6_tables.h`. */
import { AF, SOL } from "./system.ts";

/** IPT_SO_GET_INFO and IP6T_SO_GET_INFO. */
export const XT_SO_GET_INFO = 64;

export const XT_TABLE_NAME_BYTES = 32;

/** The file under /proc/net that names a family's tables, and where they are asked for. */
export const LEGACY_TABLES = [
  { names: "ip_tables_names", family: AF.INET, level: SOL.IP },
  { names: "ip6_tables_names", family: AF.INET6, level: SOL.IPV6 },
] as const;
