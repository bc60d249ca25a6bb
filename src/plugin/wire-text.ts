/** Texts and numbers of the remote protocol that stand for values; RecordError, which names the field, where they stand for none. */
import { tryParseAddress, type IpAddress } from "../addr/ip-address.ts";
import { tryParseMac, type MacAddress } from "../addr/mac-address.ts";
import { tryParsePrefix, type Prefix } from "../addr/prefix.ts";
import { PROTOCOL_NUMBERS } from "../drivers/remote/protocol/network-driver.ts";
import type { TransportProtocol } from "../firewall/firewall.ts";
import { RecordError } from "../store/record-reader.ts";

type Read<T> = (text: string, path: string) => T;

export const addressOf: Read<IpAddress> = (text, path) => tryParseAddress(text) ?? refuse(text, path, "an IP address");
export const prefixOf: Read<Prefix> = (text, path) =>
  tryParsePrefix(text) ?? refuse(text, path, "an address with a prefix length");
export const macOf: Read<MacAddress> = (text, path) => tryParseMac(text) ?? refuse(text, path, "a MAC address");

/** Drivers name links and files after ids: nothing but their digits gets there. Docker's have 64 hex digits, swarm's 25 of base 36. */
export const idOf: Read<string> = (text, path) => (/^[0-9a-z]{1,64}$/.test(text) ? text : refuse(text, path, "an id"));

/** Undefined for a text that is absent or empty: nothing is said. */
export function optional<T>(text: string | undefined, path: string, read: Read<T>): T | undefined {
  return text === undefined || text === "" ? undefined : read(text, path);
}

const PROTOCOLS = ["tcp", "udp", "sctp"] as const satisfies readonly TransportProtocol[];

export function protocolOf(number: number): TransportProtocol {
  const found = PROTOCOLS.find((protocol) => PROTOCOL_NUMBERS[protocol] === number);
  return found ?? refuse(String(number), "Proto", "6 (TCP), 17 (UDP) or 132 (SCTP)");
}

function refuse(text: string, path: string, expected: string): never {
  throw new RecordError(`${path}: expected ${expected}, found ${JSON.stringify(text.slice(0, 80))}`);
}
