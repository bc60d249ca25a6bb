/**
 * ufw, as it really filters: read from the chains that it keeps in iptables (`ufw-user-input`, `ufw6-user-input`) and its
 * policy (`ufw-skip-to-policy-input`), in the output of iptables-save and ip6tables-save. Files under /etc may say what is not
 * in force. Pure.
 */
import type { Family } from "../../addr/ip-address.ts";
import type { PortRange } from "../../addr/port-range.ts";
import type { HostFirewall, PortQuestion } from "./host-firewall.ts";

interface Rule {
  /** Absent: every protocol. */
  readonly protocol?: string;
  /** Absent: every port. */
  readonly ports?: readonly PortRange[];
  readonly verdict: "allow" | "deny";
}

interface Chains {
  readonly rules: readonly Rule[];
  readonly otherwise: "allow" | "deny";
}

/** What `iptables-save -t filter` printed, by family; undefined when ufw is not active there. */
export function readUfw(saved: Readonly<Record<Family, string>>): HostFirewall | undefined {
  const chains = { 4: readChains(saved[4], "ufw-"), 6: readChains(saved[6], "ufw6-") };
  if (chains[4] === undefined && chains[6] === undefined) return undefined;
  return { name: "ufw", verdict: (to) => verdictOf(chains[to.family], to) };
}

function verdictOf(chains: Chains | undefined, to: PortQuestion): "allow" | "deny" {
  if (chains === undefined) return "allow";
  return chains.rules.find((rule) => matches(rule, to))?.verdict ?? chains.otherwise;
}

function matches({ protocol, ports }: Rule, to: PortQuestion): boolean {
  if (protocol !== undefined && protocol !== to.protocol) return false;
  return ports === undefined || ports.some(({ first, last }) => to.port >= first && to.port <= last);
}

/** `prefix` is how ufw begins the names of the family's chains. */
function readChains(saved: string, prefix: string): Chains | undefined {
  const lines = saved.split("\n");
  const isActive = lines.some((line) => line.startsWith("-A INPUT ") && line.includes(` -j ${prefix}`));
  if (!isActive) return undefined;
  const rulesOf = (chain: string): string[] => lines.filter((line) => line.startsWith(`-A ${prefix}${chain} `));
  const policy = rulesOf("skip-to-policy-input")
    .map(verdictIn)
    .find((verdict) => verdict !== undefined);
  const byDefault = lines.some((line) => line.startsWith(":INPUT ACCEPT")) ? "allow" : "deny";
  return { rules: rulesOf("user-input").flatMap(readRule), otherwise: policy ?? byDefault };
}

/** Rules for certain sources, links or addresses of the host are for those; ufw's limit lets most of everybody in. */
function readRule(line: string): Rule[] {
  const verdict = verdictIn(line);
  const narrow =
    / (-s|-d|-i) (?!0\.0\.0\.0\/0|::\/0)/.test(line) || line.includes("--ctstate") || line.includes("--sport");
  if (verdict === undefined || narrow) return [];
  const protocol = / -p (\S+)/.exec(line)?.[1];
  const ports = / --dports? (\S+)/.exec(line)?.[1];
  return [
    {
      verdict,
      ...(protocol === undefined || protocol === "all" ? {} : { protocol }),
      ...(ports === undefined ? {} : { ports: ports.split(",").map(readRange) }),
    },
  ];
}

function verdictIn(line: string): "allow" | "deny" | undefined {
  const target = / -j (\S+)/.exec(line)?.[1] ?? "";
  if (target === "ACCEPT" || target.endsWith("user-limit-accept")) return "allow";
  return target === "DROP" || target === "REJECT" ? "deny" : undefined;
}

/** `80` or `8000:8010`. */
function readRange(text: string): PortRange {
  const [first = "", last = first] = text.split(":");
  return { first: Number(first), last: Number(last) };
}
