/** `--add-host` and `--dns` of a create request, as addresses; dockerd's sentences for what is none. */
import { tryParseAddress, type IpAddress } from "../../addr/ip-address.ts";
import { EngineError } from "../../base/errors.ts";
import type { ContainerSpec } from "../../engine/container-spec.ts";
import type { HostConfigRequest } from "../schema/container-bodies.ts";

/** `name:address` or `name:host-gateway`; the address may have colons and brackets. Throws `invalid-argument`. */
export function parseExtraHosts(lines: readonly string[] | undefined): ContainerSpec["extraHosts"] {
  return (lines ?? []).map((line) => {
    const [, name = "", text = ""] = /^([^:=]+)[:=](.+)$/.exec(line) ?? [];
    if (name === "") throw new EngineError("invalid-argument", `bad format for add-host: ${JSON.stringify(line)}`);
    if (text === "host-gateway") return { name, address: text };
    const address = tryParseAddress(text.replace(/^\[(.*)\]$/, "$1"));
    if (address !== undefined) return { name, address };
    throw new EngineError("invalid-argument", `invalid IP address in add-host: ${JSON.stringify(text)}`);
  });
}

/** Throws `invalid-argument`. */
export function parseDns(host: HostConfigRequest): ContainerSpec["dns"] {
  return { servers: (host.Dns ?? []).map(serverOf), search: host.DnsSearch ?? [], options: host.DnsOptions ?? [] };
}

function serverOf(text: string): IpAddress {
  const address = tryParseAddress(text);
  if (address === undefined) throw new EngineError("invalid-argument", `bad nameserver address: ${text}`);
  return address;
}
