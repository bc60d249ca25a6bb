/**
 * What a sandbox's hosts, hostname and resolv.conf say (reference: Docker's `libnetwork/sandbox_dns_unix.go`): on a
 * user-defined network the internal resolver, on the default bridge servers that can be reached from there, in the host's
 * namespace the host's own files. Texts are latin1, byte for byte, as `etc-files.ts` writes them.
 */
import { readFile } from "node:fs/promises";
import type { IpAddress } from "../addr/ip-address.ts";
import { EngineError } from "../base/errors.ts";
import {
  generateResolvConf,
  legacySourcePath,
  parseResolvConf,
  type GeneratedResolvConf,
  type ResolvConf,
} from "../dns/resolv-conf.ts";
import type { EtcContent } from "../sandbox/etc-files.ts";
import { formatHosts, ownHostsEntry, type HostsEntry } from "../sandbox/hosts-file.ts";
import { sandboxNamespace, type Join } from "./desired.ts";
import { isGatewayEndpoint } from "./gateway-endpoint.ts";
import { linkHosts } from "./links.ts";
import type { SandboxIntent } from "./sandbox-intent.ts";
import { needsResolver } from "./sandbox-names.ts";
import type { World } from "./world.ts";

const HOST_HOSTS_PATH = "/etc/hosts";

export async function etcContent(world: World, sandbox: SandboxIntent, joins: readonly Join[]): Promise<EtcContent> {
  const resolvConf = await resolvConfOf(world, sandbox, joins);
  return {
    hosts: await hostsText(world, sandbox, joins),
    hostname: sandbox.hostname,
    resolvConf: resolvConf.text,
  };
}

/** The file, and whom the sandbox's resolver is to ask, if it has one. `internal`: it has one; the networks decide unless told. */
export async function resolvConfOf(
  world: World,
  sandbox: SandboxIntent,
  joins: readonly Join[],
  internal = needsResolver(sandbox, joins),
): Promise<GeneratedResolvConf> {
  const host = await readResolvConf(world.settings.resolvConfPath);
  const overrides = {
    nameservers: orElse(sandbox.dns.servers, world.settings.dns.servers),
    search: orElse(sandbox.dns.search, world.settings.dns.search),
    options: orElse(sandbox.dns.options, world.settings.dns.options),
  };
  if (sandbox.hostNamespace) return generateResolvConf(host, overrides, { kind: "host" });
  if (internal) return generateResolvConf(host, overrides, { kind: "internal" });
  const source = await readResolvConf(legacySourcePath(host));
  return generateResolvConf(source, overrides, { kind: "legacy", ipv6: joins.some(hasIPv6) });
}

function orElse<T>(own: readonly T[] | undefined, daemon: readonly T[]): readonly T[] {
  return own === undefined || own.length === 0 ? daemon : own;
}

function hasIPv6({ network }: Join): boolean {
  return network.enableIPv6;
}

/** A host without the file has no servers to offer; that is no error. */
export async function readResolvConf(path: string): Promise<ResolvConf> {
  const text = await readFile(path, "latin1").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT") return "";
    throw EngineError.wrap(cause, `read ${path}`);
  });
  return parseResolvConf(text, path);
}

async function hostsText(world: World, sandbox: SandboxIntent, joins: readonly Join[]): Promise<string> {
  if (sandbox.hostNamespace && sandbox.extraHosts.length === 0) {
    return readFile(HOST_HOSTS_PATH, "latin1").catch(() => formatHosts({ ipv6: true, extra: [], own: [] }));
  }
  const disabled = await world.kernel.readSysctl(sandboxNamespace(world, sandbox), "net/ipv6/conf/lo/disable_ipv6");
  return formatHosts({
    ipv6: disabled === "0",
    extra: [...extraHosts(world, sandbox), ...linkHosts(world, sandbox, joins)],
    own: joins.flatMap((join) => ownHosts(sandbox, join)),
  });
}

/** The lines by which a sandbox knows itself at an endpoint; none at one that is there for the way out alone. */
export function ownHosts(sandbox: SandboxIntent, join: Join): readonly HostsEntry[] {
  if (isGatewayEndpoint(join)) return [];
  return join.endpoint.addresses.map(({ address }) => ownHostsEntry(address, sandbox.hostname, sandbox.domainname));
}

/** `--add-host`, with host-gateway resolved. Throws `invalid-argument` when there is nothing that it could stand for. */
export function extraHosts(world: World, sandbox: Pick<SandboxIntent, "extraHosts">): readonly HostsEntry[] {
  return sandbox.extraHosts.flatMap(({ name, address }) => {
    const addresses = address === "host-gateway" ? hostGateways(world) : [address];
    return addresses.map((one) => ({ address: one, names: [name] }));
  });
}

function hostGateways(world: World): readonly IpAddress[] {
  const bridge = world.registry.networkByName("bridge")?.intent;
  const gateways = bridge?.pools.flatMap(({ gateway }) => gateway ?? []) ?? [];
  const chosen = orElse(world.settings.hostGateways, gateways);
  if (chosen.length > 0) return chosen;
  throw new EngineError("invalid-argument", "unable to derive the IP value for host-gateway");
}
