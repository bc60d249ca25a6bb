/** Sends announcements on the calling thread, in the namespace that it is in, by way of packet(7). */
import { constants } from "node:os";
import { ByteWriter } from "../../wire/byte-writer.ts";
import type { Announcement } from "../kernel.ts";
import { KernelError } from "../kernel-error.ts";
import { close, linkIndex, sendTo, socket } from "../system/libc.ts";
import { AF, SOCK } from "../uapi/system.ts";
import { announcementFrame } from "./frames.ts";

/** Throws KernelError, ENODEV where the link is not there; what came before it is sent. */
export function announce(announcements: readonly Announcement[]): void {
  if (announcements.length === 0) return;
  // Protocol 0: it receives nothing.
  const fd = socket(AF.PACKET, SOCK.RAW | SOCK.CLOEXEC, 0);
  try {
    for (const { link, mac, addresses } of announcements) {
      const index = linkIndex(link);
      if (index === 0) throw noLink(link);
      for (const address of addresses) sendTo(fd, announcementFrame(mac, address), linkAddress(index));
    }
  } finally {
    close(fd);
  }
}

function noLink(link: string): KernelError {
  return new KernelError({ operation: `announce addresses of ${link}`, errno: constants.errno.ENODEV });
}

/** `struct sockaddr_ll`: family, protocol, index; where to is in the frame. */
function linkAddress(index: number): Uint8Array {
  return new ByteWriter(20).u16(AF.PACKET).u16be(0).i32(index).u32(0).u64(0n).finish();
}
