/**
 * What is known of the host when it is asked who reaches its ports: its addresses, its own firewall, the user's rules. Each is
 * asked of the tool that has it, in the daemon's namespace; what is not installed is not in force.
 */
import type { Family } from "../../addr/ip-address.ts";
import { isLoopback } from "../../addr/ip-address.ts";
import { HOST, MARK } from "../../kernel/facts.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { Observation } from "../../kernel/observation.ts";
import type { HostSituation } from "./exposure.ts";
import { parseZones, readFirewalld, type Zone } from "./firewalld.ts";
import type { HostFirewall } from "./host-firewall.ts";
import { readUfw } from "./ufw.ts";

type Asked = Pick<Kernel, "observe" | "run">;

export async function observeHost(kernel: Asked, translated: readonly Family[]): Promise<HostSituation> {
  const [observation, v4, v6, firewalld] = await Promise.all([
    kernel.observe(HOST),
    printed(kernel, "iptables-save", "-t", "filter"),
    printed(kernel, "ip6tables-save", "-t", "filter"),
    askFirewalld(kernel),
  ]);
  const ufw = readUfw({ 4: v4, 6: v6 });
  return {
    addresses: foreignAddresses(observation),
    firewalls: [ufw, firewalld].filter((firewall) => firewall !== undefined),
    userRules: countUserRules(v4),
    translated,
  };
}

/** Not the engine's bridges: who is on those is a container. */
function foreignAddresses({ links, addresses }: Observation): HostSituation["addresses"] {
  const own = new Set(links.filter(({ alias }) => alias?.startsWith(MARK) === true).map(({ name }) => name));
  return addresses
    .filter(({ link, address }) => !own.has(link) && !isLoopback(address.address))
    .map(({ address }) => address);
}

/** Docker's own last rule there returns. */
function countUserRules(saved: string): number {
  const rules = saved.split("\n").filter((line) => line.startsWith("-A DOCKER-USER "));
  return rules.filter((line) => line !== "-A DOCKER-USER -j RETURN").length;
}

async function askFirewalld(kernel: Asked): Promise<HostFirewall | undefined> {
  if ((await printed(kernel, "firewall-cmd", "--state")).trim() !== "running") return undefined;
  const zones = parseZones(await printed(kernel, "firewall-cmd", "--list-all-zones"));
  return readFirewalld(zones, await servicePorts(kernel, zones));
}

async function servicePorts(kernel: Asked, zones: readonly Zone[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const names = new Set(zones.filter(({ interfaces }) => interfaces.length > 0).flatMap(({ services }) => services));
  const ports = [...names].map(async (name) => {
    const text = await printed(kernel, "firewall-cmd", "--permanent", `--service=${name}`, "--get-ports");
    return [name, text.trim().split(/\s+/)] as const;
  });
  return new Map(await Promise.all(ports));
}

/** Nothing where the program is missing or fails: it then rules nothing here. */
async function printed(kernel: Asked, ...command: readonly string[]): Promise<string> {
  const ran = await kernel.run(HOST, command).catch(() => undefined);
  return ran?.exitCode === 0 ? ran.stdout : "";
}
