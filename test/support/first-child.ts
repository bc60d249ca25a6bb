/** What a program that only starts another has started: such as `nsenter` and `unshare`, which pass on no signals. */
import { readFileSync } from "node:fs";

/** The process's first child as seen from here; undefined when it has none, or is gone. */
export function firstChild(pid: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return children === "" ? undefined : Number(children.split(" ")[0]);
  } catch {
    return undefined;
  }
}

/** Of `nsenter`, what it entered for; any other process is itself. */
export function enteredBy(pid: number): number {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "nsenter" ? (firstChild(pid) ?? pid) : pid;
  } catch {
    return pid;
  }
}
