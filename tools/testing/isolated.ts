/** The command line that runs another in namespaces of its own; `isolate.sh` makes them fit for a network engine. */
import { join } from "node:path";

/** Dies with its parent, and takes its process namespace with it. */
const UNSHARE =
  "setpriv --pdeathsig SIGKILL unshare --net --mount --propagation private --pid --fork --kill-child --mount-proc";

/** Equivalent to: `unshare --net --mount --pid --fork COMMAND` with /sys, /run and /tmp of its own. Needs root. */
export function isolated(root: string, command: readonly string[]): readonly [string, ...string[]] {
  const [program = "", ...args] = UNSHARE.split(" ");
  return [program, ...args, "/bin/sh", join(root, "tools/testing/isolate.sh"), root, ...command];
}
