/** Sockets that systemd opened for us (sd_listen_fds(3)): descriptors from 3 on, counted by LISTEN_FDS, meant for LISTEN_PID. */
import { EngineError } from "../../base/errors.ts";

const FIRST = 3;

/** All descriptors handed over, or the one asked for. Throws `invalid-argument` when there is none. */
export function systemdSockets(
  environment: NodeJS.ProcessEnv,
  pid: number,
  wanted: number | undefined,
): readonly number[] {
  const meant = environment["LISTEN_PID"] === String(pid);
  const count = meant ? Math.min(Number(environment["LISTEN_FDS"] ?? 0) || 0, 1024) : 0;
  const fds = Array.from({ length: count }, (_, index) => FIRST + index);
  const found = wanted === undefined ? fds : fds.filter((fd) => fd === wanted);
  if (found.length === 0) {
    throw new EngineError(
      "invalid-argument",
      "no sockets found via socket activation: make sure the service was started by systemd",
    );
  }
  return found;
}
