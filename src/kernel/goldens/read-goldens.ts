/**
 * Captured netlink traffic, for tests: each datagram with the command of iproute2 or nft that it belongs to (see capture.sh
 * and capture-nftables.sh).
 */
import { readFileSync } from "node:fs";
import { decodeMessages, type Message } from "../netlink/message.ts";

export interface Golden {
  /** "ip link add br0 type bridge" */
  readonly command: string;
  readonly bytes: Uint8Array;
}

export type GoldenFile = "requests" | "replies" | "nftables";

export function readGoldens(name: GoldenFile): readonly Golden[] {
  const text = readFileSync(new URL(`./${name}.txt`, import.meta.url), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [command = "", hex = ""] = line.split("\t");
      return { command, bytes: Uint8Array.from(Buffer.from(hex, "hex")) };
    });
}

/** The messages of all datagrams of a command that begins with `command`. */
export function goldenMessages(name: GoldenFile, command: string): readonly Message[] {
  const messages = readGoldens(name)
    .filter((golden) => golden.command.startsWith(command))
    .flatMap((golden) => decodeMessages(golden.bytes));
  if (messages.length === 0) throw new Error(`no golden of ${JSON.stringify(command)}`);
  return messages;
}
