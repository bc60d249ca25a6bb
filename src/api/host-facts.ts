/** Facts of the host that `docker version` and `docker info` show, read from /proc, /sys and /etc/os-release. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { arch } from "node:os";

export interface HostFacts {
  /** "Debian GNU/Linux 12 (bookworm)" */
  readonly operatingSystem: string;
  readonly osVersion: string;
  readonly cgroupVersion: "1" | "2";
  readonly ipv4Forwarding: boolean;
  readonly openFiles: number;
}

/** Reads them anew; a few small files. Never throws. */
export function hostFacts(): HostFacts {
  const release = read("/etc/os-release");
  const field = (name: string): string => new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(release)?.[1] ?? "";
  return {
    operatingSystem: field("PRETTY_NAME") || "Linux",
    osVersion: field("VERSION_ID"),
    cgroupVersion: existsSync("/sys/fs/cgroup/cgroup.controllers") ? "2" : "1",
    ipv4Forwarding: read("/proc/sys/net/ipv4/ip_forward").trim() === "1",
    openFiles: countOpenFiles(),
  };
}

/** The architecture in Go's words, as `docker version` shows it. */
export function goArchitecture(): string {
  const names: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };
  return names[arch()] ?? arch();
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function countOpenFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return 0;
  }
}
