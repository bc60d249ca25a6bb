/**
 * /etc/hosts as Docker writes it (hosts(5)): `ADDRESS<tab>NAME NAME...`, the loopback block first, then `--add-host` lines,
 * then the sandbox's own names, one line per address. Pure; what users wrote between our lines is theirs and stays. Texts
 * have one character per byte (latin1), as the file was read; names beyond ASCII stand in them in UTF-8.
 */
import { formatAddress, type IpAddress } from "../addr/ip-address.ts";

export interface HostsEntry {
  readonly address: IpAddress;
  readonly names: readonly string[];
}

export interface HostsContent {
  /** Whether the sandbox's lo has an IPv6 address; without it no IPv6 line is of use. */
  readonly ipv6: boolean;
  /** `--add-host` */
  readonly extra: readonly HostsEntry[];
  /** The sandbox's own addresses, see {@link ownHostsEntry}. */
  readonly own: readonly HostsEntry[];
}

const LOOPBACK_LINES = ["127.0.0.1\tlocalhost"];
const LOOPBACK_IPV6_LINES = [
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::\tip6-localnet",
  "ff00::\tip6-mcastprefix",
  "ff02::1\tip6-allnodes",
  "ff02::2\tip6-allrouters",
];

/** The whole file, as at a container's start. */
export function formatHosts(content: HostsContent): string {
  const entries = [...content.extra.filter((entry) => content.ipv6 || entry.address.family === 4), ...content.own];
  return toText([...LOOPBACK_LINES, ...(content.ipv6 ? LOOPBACK_IPV6_LINES : []), ...entries.map(formatHostsEntry)]);
}

/** One line, without its newline. */
export function formatHostsEntry(entry: HostsEntry): string {
  return `${formatAddress(entry.address)}\t${formatNames(entry.names)}`;
}

/** How a sandbox names itself at an address: the full name and, where that has dots, its first label. */
export function ownHostsEntry(address: IpAddress, hostname: string, domainname = ""): HostsEntry {
  const full = domainname === "" ? hostname : `${hostname}.${domainname}`;
  const dot = full.indexOf(".");
  return { address, names: dot < 0 ? [full] : [full, full.slice(0, dot)] };
}

/** The text with the entries' lines at its end. */
export function addHostsLines(text: string, entries: readonly HostsEntry[]): string {
  const separator = text === "" || text.endsWith("\n") ? "" : "\n";
  return text + separator + toText(entries.map(formatHostsEntry));
}

/** The text without the lines that read exactly as the entries do; all else is kept byte for byte. */
export function removeHostsLines(text: string, entries: readonly HostsEntry[]): string {
  const ours = new Set(entries.map(formatHostsEntry));
  return text
    .split(/(?<=\n)/)
    .filter((line) => !ours.has(line.endsWith("\n") ? line.slice(0, -1) : line))
    .join("");
}

/**
 * The text with exactly these entries for these lists of names: lines that already read so stay where they are, others with the
 * same names go, and what is missing comes at the end.
 */
export function replaceHostsLines(
  text: string,
  names: readonly (readonly string[])[],
  entries: readonly HostsEntry[],
): string {
  const wanted = new Set(entries.map(formatHostsEntry));
  const ours = new Set(names.map(formatNames));
  const kept = text.split(/(?<=\n)/).filter((line) => {
    const bare = line.endsWith("\n") ? line.slice(0, -1) : line;
    return wanted.has(bare) || !ours.has(bare.slice(bare.indexOf("\t") + 1));
  });
  const present = new Set(kept.map((line) => (line.endsWith("\n") ? line.slice(0, -1) : line)));
  const missing = entries.filter((entry) => !present.has(formatHostsEntry(entry)));
  return missing.length === 0 ? kept.join("") : addHostsLines(kept.join(""), missing);
}

function formatNames(names: readonly string[]): string {
  return Buffer.from(names.join(" ")).toString("latin1");
}

function toText(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
