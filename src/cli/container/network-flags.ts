/** `--network` and the flags that go with its first: the network mode and the endpoints' settings. */
import { CliFailure, FlagError } from "../failure.ts";
import type { FlagValues } from "../flags/flag-values.ts";
import { toMap } from "../flags/key-values.ts";
import type { Json } from "../../store/store.ts";

export interface NetworkChoice {
  readonly mode: string;
  /** Network to endpoint settings; only for networks that have any, or when there are several. */
  readonly endpoints: Readonly<Record<string, Json>>;
}

interface Attachment {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly links: readonly string[];
  readonly ip: string;
  readonly ip6: string;
  readonly mac: string;
  readonly linkLocal: readonly string[];
  readonly driverOptions: Readonly<Record<string, string>>;
  readonly gatewayPriority: number;
}

/** Throws FlagError for a long form that cannot be read. */
export function checkNetwork(value: string): void {
  parseNetwork(value);
}

/** Throws CliFailure for flags that contradict each other. */
export function chooseNetworks(flags: FlagValues): NetworkChoice {
  const attachments = flags.list("network").map(parseNetwork);
  const first = withPlainFlags(attachments[0] ?? { ...EMPTY, name: "default" }, flags);
  const all = [first, ...attachments.slice(1)];
  assertCompatible(all);
  const entries = all.filter((attachment) => all.length > 1 || hasSettings(attachment));
  return { mode: first.name, endpoints: Object.fromEntries(entries.map((entry) => [entry.name, settingsOf(entry)])) };
}

const EMPTY: Omit<Attachment, "name"> = {
  aliases: [],
  links: [],
  ip: "",
  ip6: "",
  mac: "",
  linkLocal: [],
  driverOptions: {},
  gatewayPriority: 0,
};

/** A plain name, or `name=n1,alias=a,ip=1.2.3.4`. */
function parseNetwork(text: string): Attachment {
  if (!/\w+=\w+(,\w+=\w+)*/.test(text)) return { ...EMPTY, name: text };
  const fields = text.split(",").map((field): [key: string, value: string] => {
    const equals = field.indexOf("=");
    if (equals < 0) throw new FlagError(`invalid field ${field}`);
    return [
      field.slice(0, equals).trim().toLowerCase(),
      field
        .slice(equals + 1)
        .trim()
        .toLowerCase(),
    ];
  });
  const unknown = fields.find(([key]) => !FIELDS.has(key));
  if (unknown !== undefined) throw new FlagError(`invalid field key ${unknown[0]}`);
  const all = (key: string): string[] => fields.filter(([name]) => name === key).map(([, value]) => value);
  const name = all("name").at(-1);
  if (name === undefined || name === "") throw new FlagError("network name/id is not specified");
  return {
    name,
    aliases: all("alias"),
    links: [],
    ip: all("ip").at(-1) ?? "",
    ip6: all("ip6").at(-1) ?? "",
    mac: all("mac-address").at(-1) ?? "",
    linkLocal: all("link-local-ip"),
    driverOptions: toMap(all("driver-opt")),
    gatewayPriority: Number(all("gw-priority").at(-1) ?? 0),
  };
}

const FIELDS = new Set(["name", "alias", "ip", "ip6", "mac-address", "link-local-ip", "driver-opt", "gw-priority"]);

/** `--ip` and its like belong to the first network, and may be said in one place only. */
function withPlainFlags(first: Attachment, flags: FlagValues): Attachment {
  const clash = (flag: string, what: string, taken: boolean): void => {
    if (taken && flags.given(flag)) {
      throw new CliFailure(`conflicting options: cannot specify both --${flag} and per-network ${what}`);
    }
  };
  clash("network-alias", "alias", first.aliases.length > 0);
  clash("ip", "IPv4 address", first.ip !== "");
  clash("ip6", "IPv6 address", first.ip6 !== "");
  clash("mac-address", "MAC address", first.mac !== "");
  clash("link-local-ip", "link-local IP addresses", first.linkLocal.length > 0);
  const userDefined = !/^(default|bridge|host|none|container:.*)$/.test(first.name);
  return {
    ...first,
    aliases: [...first.aliases, ...flags.list("network-alias")],
    links: userDefined ? flags.list("link") : [],
    ip: flags.text("ip") ?? first.ip,
    ip6: flags.text("ip6") ?? first.ip6,
    mac: flags.text("mac-address") ?? first.mac,
    linkLocal: [...first.linkLocal, ...flags.list("link-local-ip")],
  };
}

function assertCompatible(all: readonly Attachment[]): void {
  const names = all.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new CliFailure(`network "${twice}" is specified multiple times`);
  if (names.length > 1 && names.some((name) => /^(host|none|container:.*)$/.test(name))) {
    throw new CliFailure("conflicting options: cannot attach both user-defined and non-user-defined network-modes");
  }
}

function hasSettings({ name, ...settings }: Attachment): boolean {
  return name !== "" && JSON.stringify(settings) !== JSON.stringify(EMPTY);
}

function settingsOf(attachment: Attachment): Json {
  const { ip, ip6, linkLocal } = attachment;
  const addressed = ip !== "" || ip6 !== "" || linkLocal.length > 0;
  return {
    IPAMConfig: addressed ? { IPv4Address: ip, IPv6Address: ip6, LinkLocalIPs: linkLocal } : null,
    Links: attachment.links,
    Aliases: attachment.aliases,
    DriverOpts: attachment.driverOptions,
    GwPriority: attachment.gatewayPriority,
    MacAddress: attachment.mac,
  };
}
