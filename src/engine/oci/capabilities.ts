/**
 * Which of the kernel's capabilities (capabilities(7), linux/capability.h) a container's processes hold: Docker's default
 * fourteen, what `--cap-add` and `--cap-drop` make of them, or everything that this daemon itself may give.
 */
import { readFileSync } from "node:fs";
import { EngineError } from "../../base/errors.ts";

/** In the kernel's order: the index is the bit. */
const ALL = [
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE",
  "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN",
  "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE",
  "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE",
]
  .join(" ")
  .split(" ")
  .map((name) => `CAP_${name}`);

const DEFAULT = [
  "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL",
  "AUDIT_WRITE",
]
  .join(" ")
  .split(" ")
  .map((name) => `CAP_${name}`);

export interface CapabilityChoice {
  readonly privileged: boolean;
  readonly add: readonly string[];
  readonly drop: readonly string[];
}

/** Capability names as runc wants them. Throws `invalid-argument` for a name that the kernel does not know. */
export function resolveCapabilities(choice: CapabilityChoice, grantable = grantableCapabilities()): readonly string[] {
  const add = choice.add.map((name) => normalise("CapAdd", name));
  const drop = choice.drop.map((name) => normalise("CapDrop", name));
  if (choice.privileged) return grantable;
  const base = add.includes("ALL") ? grantable : drop.includes("ALL") ? [] : DEFAULT;
  const dropped = new Set(drop);
  const kept = base.filter((name) => !dropped.has(name));
  return [...new Set([...kept, ...add.filter((name) => name !== "ALL")])];
}

/** What this process could pass on: its own bounding set. */
export function grantableCapabilities(statusText = readFileSync("/proc/self/status", "utf8")): readonly string[] {
  const mask = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)/m.exec(statusText)?.[1] ?? "0"}`);
  return ALL.filter((_, bit) => ((mask >> BigInt(bit)) & 1n) === 1n);
}

function normalise(field: string, name: string): string {
  const upper = name.toUpperCase();
  if (upper === "ALL") return upper;
  const full = upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (ALL.includes(full)) return full;
  throw new EngineError("invalid-argument", `invalid ${field}: unknown capability: ${JSON.stringify(name)}`);
}
