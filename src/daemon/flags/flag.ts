/**
 * What a flag of dockerd is to us. The tables beside this file list every flag and daemon.json key that dockerd 28 knows, so
 * that whatever starts dockerd can start causewayd; names, kinds and defaults follow dockerd's reference.
 */
import type { Json } from "../../store/store.ts";

/** How a flag's value is written; `list`, `map` and `pools` may be given several times. */
export type FlagKind = "bool" | "string" | "int" | "list" | "map" | "pools";

/** What we do with it. */
export type FlagSupport =
  /** It has its effect. */
  | "acts"
  /** It concerns parts of Docker that are not ours to steer: accepted with a warning. */
  | "ignored"
  /** We will build it: accepted, and the log says that it is not implemented yet. */
  | "later"
  /** Not built, and a promise of safety that we must not seem to keep: we refuse to start. */
  | "unsafe";

export interface Flag {
  /** Without dashes: "data-root". */
  readonly name: string;
  readonly short?: string;
  /** In daemon.json, where it differs: "dns-opts". */
  readonly key?: string;
  readonly kind: FlagKind;
  /** Absent: nothing is set unless somebody sets it. */
  readonly initial?: Json;
  readonly support: FlagSupport;
  readonly help: string;
  /** Values that ask for nothing we lack: nothing is said about them. */
  readonly harmless?: readonly Json[];
  /** Takes effect without a restart (SIGHUP). */
  readonly reloads?: boolean;
  /** No flag of this name exists: a key of daemon.json alone. */
  readonly fileOnly?: boolean;
}

/** A flag's key in daemon.json. */
export function keyOf(flag: Flag): string {
  return flag.key ?? flag.name;
}
