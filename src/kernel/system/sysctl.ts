/** Sysctls: files under /proc/sys, whose network part shows the namespace of the thread that opens them. */
import { closeSync, constants as open, openSync, readFileSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { KernelError } from "../kernel-error.ts";
import { fileError } from "./namespace.ts";

/** Without the trailing newline; undefined when the kernel has no such sysctl, or does not let it be read. */
export function readSysctl(key: string): string | undefined {
  try {
    return readFileSync(pathOf(key), "latin1").replace(/\n$/, "");
  } catch (cause) {
    if (cause instanceof KernelError) throw cause;
    return undefined;
  }
}

/** Writes the value unless it is there already. Equivalent to: `sysctl -w KEY=VALUE`. */
export function writeSysctl(key: string, value: string): void {
  if (readSysctl(key) === value) return;
  const path = pathOf(key);
  try {
    // Without O_CREAT, which would say EACCES instead of ENOENT where there is no such sysctl.
    const fd = openSync(path, open.O_WRONLY);
    try {
      writeSync(fd, value);
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw fileError(`set sysctl ${key} to ${value}`, cause);
  }
}

/** Keys come from users: one that leaves /proc/sys is refused. */
function pathOf(key: string): string {
  if (!/^[^/\0]+(\/[^/\0]+)+$/.test(key) || key.split("/").some((part) => part === "." || part === "..")) {
    throw new KernelError({ operation: `sysctl ${key}`, errno: constants.errno.EINVAL, detail: "not a sysctl's name" });
  }
  return `/proc/sys/${key}`;
}
