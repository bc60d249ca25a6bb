/**
 * Whether who listens on a unix socket lives in the namespaces that we live in. A containerd elsewhere answers just as well,
 * but its containers would see its mounts, not the files that we make for them, and with `--net host` its network. Read from
 * proc(5): /proc/net/unix has the sockets of our network namespace, /proc/PID/fd says whose they are.
 */
import { readdir, readFile, readlink, realpath } from "node:fs/promises";

/** `SO_ACCEPTCON` of the flags column: the socket listens. */
const LISTENS = 0x10000;

/** What containers take from containerd, or what names its processes to us. */
const SHARED = ["mnt", "net", "pid"] as const;

/** Also false when nobody can be found. Two may listen under one path in different mounts; one of them here is enough. */
export async function listenerIsNeighbour(path: string): Promise<boolean> {
  const wanted = await realpath(path).catch(() => path);
  const sockets = new Set<string>();
  for (const { inode, path: bound } of listeningSockets(await readFile("/proc/net/unix", "utf8"))) {
    if ((await realpath(bound).catch(() => bound)) === wanted) sockets.add(`socket:[${inode}]`);
  }
  if (sockets.size === 0) return false;
  const ours = await namespacesOf("self");
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid) || !(await holdsOneOf(pid, sockets))) continue;
    if ((await namespacesOf(pid)) === ours) return true;
  }
  return false;
}

/** The lines of /proc/net/unix (`Num RefCount Protocol Flags Type St Inode Path`) that listen under an absolute path. */
export function listeningSockets(text: string): readonly { readonly inode: string; readonly path: string }[] {
  return text.split("\n").flatMap((line) => {
    const [, flags, inode, path] = /^\S+ \S+ \S+ (\S+) \S+ \S+ +(\d+) (\/.*)$/.exec(line) ?? [];
    if (flags === undefined || inode === undefined || path === undefined) return [];
    return (Number.parseInt(flags, 16) & LISTENS) === 0 ? [] : [{ inode, path }];
  });
}

async function holdsOneOf(pid: string, sockets: ReadonlySet<string>): Promise<boolean> {
  for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
    if (sockets.has(target)) return true;
  }
  return false;
}

/** Differs for processes that do not share all of them; a process that is gone shares none. */
async function namespacesOf(pid: string): Promise<string> {
  const links = SHARED.map((name) => readlink(`/proc/${pid}/ns/${name}`).catch(() => `${name} of ${pid}`));
  return (await Promise.all(links)).join();
}
