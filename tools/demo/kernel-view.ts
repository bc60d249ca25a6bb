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
  /** Path of a namespace's file to the interfaces and addresses in it. */
  readonly namespaces: ReadonlyMap<string, readonly string[]>;
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
    namespaces: lookIntoNamespaces(),
    forwarding: readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8").trim(),
  };
}

function lookIntoNamespaces(): ReadonlyMap<string, readonly string[]> {
  const mounts = lines(readFileSync("/proc/mounts", "utf8")).filter((line) => line.startsWith("nsfs "));
  const paths = mounts.map((line) => line.split(" ")[1] ?? "");
  return new Map(paths.map((path) => [path, interfacesIn(path)]));
}

function interfacesIn(path: string): readonly string[] {
  const shown = lines(print("nsenter", `--net=${path}`, "ip", "-4", "-br", "address"));
  const parts = shown.map((line) => line.split(/\s+/));
  return parts.map(([name = "", , address]) => [name.replace(/@.*/, ""), address].filter(Boolean).join(" "));
}

/** One sentence. */
export function explain(before: KernelView, after: KernelView): string {
  const added = [...after.links].filter(([name]) => !before.links.has(name)).map(([name, what]) => `${name} (${what})`);
  const gone = [...before.links.keys()].filter((name) => !after.links.has(name));
  const parts = [
    list("new link", added),
    list("link gone:", gone),
    list("new route", without(after.routes, before.routes)),
    ...namespaceChanges(before.namespaces, after.namespaces),
    count("iptables rule", without(after.rules, before.rules).length, without(before.rules, after.rules).length),
    before.forwarding === after.forwarding ? "" : `ip_forward is now ${after.forwarding}`,
  ];
  const told = parts.filter((part) => part !== "").join("; ");
  return told === "" ? "nothing changed" : told;
}

function namespaceChanges(before: KernelView["namespaces"], after: KernelView["namespaces"]): readonly string[] {
  const changes = [...after].map(([path, now]) => {
    const then = before.get(path);
    if (then === undefined) return `new namespace with ${now.join(", ")}`;
    const [appeared, vanished] = [without(now, then), without(then, now)];
    return [list("inside the container appeared", appeared), list("inside the container is gone:", vanished)]
      .filter((part) => part !== "")
      .join("; ");
  });
  const ended = [...before.keys()].filter((path) => !after.has(path)).length;
  return [...changes, ended === 0 ? "" : `${ended} namespaces gone`];
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
