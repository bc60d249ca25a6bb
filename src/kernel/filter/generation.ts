/**
 * Whether the packet filter's rules are those of a moment ago, for a few microseconds: nf_tables numbers its transactions
 * (NFT_MSG_GETGEN), and iptables' legacy tables say their size (IPT_SO_GET_INFO of `linux/netfilter_ipv4/ip_tables.h`, the
 * same for IPv6). Nothing is loaded or made by asking: only legacy tables that exist are asked for.
 *
 *     struct ipt_getinfo   char name[32], u32 valid_hooks, u32 hook_entry[5], u32 underflow[5], u32 num_entries, u32 size
 */
import { readFileSync } from "node:fs";
import { Attributes } from "../netlink/attribute.ts";
import { NetlinkSocket } from "../netlink/socket.ts";
import { nftMessageType, nftPayload } from "../nftables/encode-change.ts";
import { close, getSocketOption, socket } from "../system/libc.ts";
import { NETLINK } from "../uapi/netlink.ts";
import { NFTA_GEN } from "../uapi/nf-tables.ts";
import { IPPROTO, SOCK } from "../uapi/system.ts";
import { LEGACY_TABLES, XT_SO_GET_INFO, XT_TABLE_NAME_BYTES } from "../uapi/x-tables.ts";
import type { FilterGeneration } from "../kernel.ts";

const INFO_BYTES = 84;
/** `struct nfgenmsg`, before the attributes. */
const NFGENMSG_BYTES = 4;

/** Of the namespace that the calling thread is in. */
export function readFilterGeneration(): FilterGeneration {
  const legacy = LEGACY_TABLES.flatMap(({ names, family, level }) =>
    readNames(names).map((name) => `${names} ${name} ${tableInfo(name, { family, level })}`),
  );
  return { id: [nftGeneration(), ...legacy].join("\n"), exact: legacy.length === 0 };
}

/** "" where the kernel has no nf_tables. */
function nftGeneration(): string {
  using netlink = NetlinkSocket.open(NETLINK.NETFILTER);
  const payload = nftPayload(0, []);
  const [answer] = netlink.execute([{ type: nftMessageType("GETGEN"), flags: 0, payload }]);
  const [message] = answer?.messages ?? [];
  const id = message && Attributes.decode(message.payload.subarray(NFGENMSG_BYTES)).u32be(NFTA_GEN.ID);
  return id === undefined ? "" : String(id);
}

/** The tables that exist in the namespace; none where the kernel has no legacy tables. */
function readNames(file: string): readonly string[] {
  try {
    const names = readFileSync(`/proc/thread-self/net/${file}`, "latin1").trim();
    return names === "" ? [] : names.split("\n");
  } catch {
    return [];
  }
}

/** "" for a table that went meanwhile. */
function tableInfo(name: string, { family, level }: { readonly family: number; readonly level: number }): string {
  const info = new Uint8Array(INFO_BYTES);
  info.set(new TextEncoder().encode(name).subarray(0, XT_TABLE_NAME_BYTES - 1));
  const fd = socket(family, SOCK.RAW | SOCK.CLOEXEC, IPPROTO.RAW);
  try {
    return Buffer.from(getSocketOption(fd, { level, option: XT_SO_GET_INFO, value: info })).toString("hex");
  } catch {
    return "";
  } finally {
    close(fd);
  }
}
