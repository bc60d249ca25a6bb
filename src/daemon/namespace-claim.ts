/**
 * One daemon per network namespace: everything marked as Causeway's in it is the daemon's own, to keep or to sweep, so two
 * would take each other's links and rules for leftovers. The claim is a pid file named after the namespace.
 */
import { statSync } from "node:fs";
import { PidFile } from "./pid-file.ts";

/** Throws `conflict` while another causewayd manages the namespace that this process is in. */
export function claimNamespace(directory = "/run"): PidFile {
  const { ino } = statSync("/proc/self/ns/net");
  return PidFile.create(`${directory}/causeway-net-${ino}.pid`, (pid) => {
    const remedy = "stop it, or start this one in a network namespace of its own";
    return `causewayd with PID ${pid} manages this network namespace already; ${remedy}`;
  });
}
