/**
 * The processes of a container as `docker top` shows them (the columns of `ps -ef`), read from /proc: no program is run. A
 * process that ends meanwhile is left out.
 */
import { readFile } from "node:fs/promises";

export const TITLES = ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"] as const;

/** USER_HZ, which Linux fixes at 100 for everything it tells user space. */
const TICKS_PER_SECOND = 100;

export interface HostFacts {
  /** Names by user id, of the host, as ps prints them. */
  readonly users: ReadonlyMap<number, string>;
  /** Seconds since the epoch. */
  readonly bootTime: number;
}

export async function listProcesses(pids: readonly number[]): Promise<readonly (readonly string[])[]> {
  const facts = await hostFacts();
  const rows = await Promise.all(pids.toSorted((a, b) => a - b).map((pid) => processRow(pid, facts)));
  return rows.filter((row) => row !== undefined);
}

async function hostFacts(): Promise<HostFacts> {
  const passwd = await readFile("/etc/passwd", "utf8").catch(() => "");
  const users = passwd
    .split("\n")
    .map((line): [number, string] => [Number(line.split(":")[2]), line.split(":")[0] ?? ""]);
  const stat = await readFile("/proc/stat", "utf8");
  return { users: new Map(users), bootTime: Number(/^btime (\d+)/m.exec(stat)?.[1] ?? "0") };
}

async function processRow(pid: number, facts: HostFacts): Promise<readonly string[] | undefined> {
  try {
    const read = async (name: string): Promise<string> => readFile(`/proc/${pid}/${name}`, "utf8");
    return formatRow(
      { pid, stat: await read("stat"), status: await read("status"), commandLine: await read("cmdline") },
      facts,
    );
  } catch {
    return undefined;
  }
}

/** One row from the texts of proc(5). */
export function formatRow(
  process: { readonly pid: number; readonly stat: string; readonly status: string; readonly commandLine: string },
  facts: HostFacts,
): readonly string[] {
  // The name may hold blanks and parentheses; the last one ends it.
  const close = process.stat.lastIndexOf(")");
  const fields = process.stat.slice(close + 2).split(" ");
  const number = (index: number): number => Number(fields[index] ?? "0");
  const uid = Number(/^Uid:\s+(\d+)/m.exec(process.status)?.[1] ?? "0");
  const command = process.commandLine.replaceAll("\0", " ").trim();
  const name = process.stat.slice(process.stat.indexOf("(") + 1, close);
  const seconds = Math.floor((number(11) + number(12)) / TICKS_PER_SECOND);
  const started = new Date((facts.bootTime + number(19) / TICKS_PER_SECOND) * 1000);
  return [
    facts.users.get(uid) ?? String(uid),
    String(process.pid),
    fields[1] ?? "0",
    "0",
    started.toTimeString().slice(0, 5),
    formatTerminal(number(4)),
    [seconds / 3600, (seconds / 60) % 60, seconds % 60]
      .map((part) => String(Math.floor(part)).padStart(2, "0"))
      .join(":"),
    command === "" ? `[${name}]` : command,
  ];
}

/** Unix98 terminals have the majors 136 to 143. */
function formatTerminal(device: number): string {
  const major = (device >> 8) & 0xfff;
  return major >= 136 && major <= 143 ? `pts/${(major - 136) * 256 + (device & 0xff)}` : "?";
}
