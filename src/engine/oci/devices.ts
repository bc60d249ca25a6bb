/**
 * Device nodes and the device cgroup. runc itself makes the nodes every container has (null, zero, full, random, urandom,
 * tty, ptmx, console) and allows them; a privileged container gets every node of the host's /dev.
 */
import { lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";
import type { DeviceRule, RuntimeDevice } from "./runtime-spec.ts";

/** Made by runc or mounted over, whatever the host has there. */
const SKIPPED = new Set(["pts", "shm", "fd", "mqueue", "console", "ptmx", "core", "stdin", "stdout", "stderr"]);

/** Nothing but what runc allows by itself; FUSE (10:229) stays denied by name, as in Docker's rules. */
export const DEFAULT_RULES: readonly DeviceRule[] = [
  { allow: false, access: "rwm" },
  ...[
    [1, 5],
    [1, 3],
    [1, 9],
    [1, 8],
    [5, 0],
    [5, 1],
  ].map(([major = 0, minor = 0]): DeviceRule => ({ allow: true, type: "c", major, minor, access: "rwm" })),
  { allow: false, type: "c", major: 10, minor: 229, access: "rwm" },
];

export const ALL_DEVICES: readonly DeviceRule[] = [{ allow: true, access: "rwm" }];

/** Every character and block device under the host's /dev, for privileged containers. */
export function hostDevices(directory = "/dev"): readonly RuntimeDevice[] {
  const found: RuntimeDevice[] = [];
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (SKIPPED.has(entry.name)) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) found.push(...hostDevices(path));
    else if (entry.isCharacterDevice() || entry.isBlockDevice()) found.push(deviceAt(path));
  }
  return found;
}

function deviceAt(path: string): RuntimeDevice {
  const stats = lstatSync(path);
  return {
    path,
    type: stats.isBlockDevice() ? "b" : "c",
    ...numbersOf(stats),
    fileMode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
  };
}

/** glibc's makedev layout: major in bits 8-19 and 44-63, minor in bits 0-7 and 20-43. */
function numbersOf(stats: Stats): { major: number; minor: number } {
  const device = BigInt(stats.rdev);
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xffff_f000n)),
    minor: Number((device & 0xffn) | ((device >> 12n) & 0xffff_ff00n)),
  };
}
