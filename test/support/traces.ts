/** What a daemon leaves in the kernel and in its process, seen by foreign programs; for comparing before and after. */
import { readdirSync, readFileSync } from "node:fs";
import { run } from "./run.ts";

export interface Traces {
  readonly links: readonly string[];
  readonly rules: readonly string[];
  readonly mounts: readonly string[];
  readonly namespaces: number;
  readonly descriptors: number;
}

/** `pid`: whose descriptors are counted. */
export async function takeTraces(pid: number): Promise<Traces> {
  const links = await run(["ip", "-o", "link"]);
  const names = links.stdout.split("\n").flatMap((line) => line.match(/^\d+: ([^:@]+)/)?.[1] ?? []);
  const mounts = readFileSync("/proc/self/mounts", "utf8").trim().split("\n");
  return {
    links: names.sort(),
    rules: await rules(),
    mounts: mounts.map((line) => line.split(" ").slice(1, 3).join(" ")).sort(),
    namespaces: mounts.filter((line) => line.startsWith("nsfs ")).length,
    descriptors: descriptorsOf(pid),
  };
}

async function rules(): Promise<readonly string[]> {
  const texts = [await run(["iptables-save"]), await run(["ip6tables-save"])].map((ran) => ran.stdout);
  return texts.flatMap((text) => text.split("\n").filter((line) => line !== "" && !/^[#:]/.test(line))).sort();
}

/** Sockets, pipes and files; not the epoll and event descriptors that Node makes for itself as it warms up. */
function descriptorsOf(pid: number): number {
  return pid === 0 ? 0 : readdirSync(`/proc/${pid}/fd`).length;
}
