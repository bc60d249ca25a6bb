/**
 * What happened in the kernel, in one line: links, addresses, routes, rules, namespaces and mounts of the daemon's namespace
 * before and after a command, read by `ip`, `iptables-save` and from /proc, and the difference in words.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

export interface KernelView {
  /** Link name to what `ip` says of it. */
  readonly links: ReadonlyMap<string, string>;
  readonly routes: readonly string[];
  readonly rules: readonly string[];
  readonly namespaces: readonly string[];
  readonly forwarding: string;
}

interface IpLink {
  readonly ifname: string;
  readonly master?: string;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info?: readonly { readonly local: string; readonly prefixlen: number; readonly family: string }[];
}

export function lookAtKernel(): KernelView {
  const links: readonly IpLink[] = JSON.parse(print("ip", "-d", "-j", "address"));
  return {
    links: new Map(links.filter((link) => link.ifname !== "lo").map((link) => [link.ifname, describe(link)])),
    routes: lines(print("ip", "route")).map((line) => line.replace(/ proto.*/, "")),
    rules: lines(print("iptables-save")).filter((line) => line.startsWith("-A ")),
    namespaces: lines(readFileSync("/proc/mounts", "utf8"))
      .filter((line) => line.startsWith("nsfs "))
      .map((line) => line.split(" ")[1] ?? ""),
    forwarding: readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim(),
  };
}

/** One sentence. */
export function explain(before: KernelView, after: KernelView): string {
  const added = [...after.links].filter(([name]) => !before.links.has(name)).map(([name, what]) => `${name} (${what})`);
  const gone = [...before.links.keys()].filter((name) => !after.links.has(name));
  const parts = [
    list("new link", added),
    list("link gone:", gone),
    list("new route", without(after.routes, before.routes)),
    count(
      "namespace",
      without(after.namespaces, before.namespaces).length,
      without(before.namespaces, after.namespaces).length,
    ),
    count("iptables rule", without(after.rules, before.rules).length, without(before.rules, after.rules).length),
    before.forwarding === after.forwarding ? "" : `ip_forward is now ${after.forwarding}`,
  ];
  const told = parts.filter((part) => part !== "").join("; ");
  return told === "" ? "nothing changed in the host's kernel" : told;
}

function describe(link: IpLink): string {
  const kind = link.linkinfo?.info_kind ?? "device";
  const addresses = (link.addr_info ?? [])
    .filter((one) => one.family === "inet")
    .map((one) => `${one.local}/${one.prefixlen}`);
  const port = link.master === undefined ? [] : [`a port of ${link.master}`];
  return [kind, ...addresses, ...port].join(", ");
}

function print(program: string, ...args: readonly string[]): string {
  return spawnSync(program, args, { encoding: "utf8", timeout: 10_000 }).stdout;
}

function lines(text: string): readonly string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function without(all: readonly string[], these: readonly string[]): readonly string[] {
  const known = new Set(these);
  return all.filter((one) => !known.has(one));
}

function list(what: string, items: readonly string[]): string {
  return items.length === 0 ? "" : `${what} ${items.join(", ")}`;
}

function count(what: string, more: number, fewer: number): string {
  const plural = (number: number): string => `${number} ${what}${number === 1 ? "" : "s"}`;
  const parts = [more > 0 ? `${plural(more)} more` : "", fewer > 0 ? `${plural(fewer)} fewer` : ""];
  return parts.filter((part) => part !== "").join(", ");
}
