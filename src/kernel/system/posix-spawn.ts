/**
 * posix_spawnp(3) through koffi. The opaque structures of spawn.h are given more room than any C library's needs (glibc's are 80
 * and 336 bytes); the file actions hold memory of the library's, so they are always destroyed.
 */
import { KernelError } from "../kernel-error.ts";
import { declare } from "./libc.ts";

/** `spawn.h`. */
const POSIX_SPAWN_SETSIGDEF = 0x04;
const POSIX_SPAWN_SETSIGMASK = 0x08;
const OPAQUE_BYTES = 1024;
/** `sigset_t`: 1024 bits. */
const SIGSET_BYTES = 128;

const initActions = declare("int posix_spawn_file_actions_init(void *actions)");
const addDup2 = declare("int posix_spawn_file_actions_adddup2(void *actions, int fd, int target)");
const destroyActions = declare("int posix_spawn_file_actions_destroy(void *actions)");
const initAttributes = declare("int posix_spawnattr_init(void *attributes)");
const setFlags = declare("int posix_spawnattr_setflags(void *attributes, short flags)");
const setDefaultSignals = declare("int posix_spawnattr_setsigdefault(void *attributes, const void *signals)");
const setSignalMask = declare("int posix_spawnattr_setsigmask(void *attributes, const void *signals)");
const spawn = declare(
  "int posix_spawnp(_Out_ uint8_t *pid, const char *file, const void *actions, const void *attributes, " +
    "const char **argv, const char **envp)",
);

/** Its signals are as at a program's start, whatever this process ignores: Node ignores SIGPIPE. */
const attributes = Buffer.alloc(OPAQUE_BYTES);
initAttributes(attributes);
setFlags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
setDefaultSignals(attributes, Buffer.alloc(SIGSET_BYTES, 0xff));
setSignalMask(attributes, Buffer.alloc(SIGSET_BYTES));

/**
 * The child's process id; its standard input, output and error are `stdio`, all else that is close-on-exec is closed. Throws
 * KernelError with the errno that the start failed with.
 */
export function posixSpawn(operation: string, command: readonly string[], stdio: readonly number[]): number {
  const actions = Buffer.alloc(OPAQUE_BYTES);
  const pid = Int32Array.of(0);
  initActions(actions);
  try {
    stdio.forEach((fd, target) => addDup2(actions, fd, target));
    const environment = Object.entries(process.env).map(([name, value]) => `${name}=${value ?? ""}`);
    const [file = ""] = command;
    const out = new Uint8Array(pid.buffer);
    const errno = spawn(out, file, actions, attributes, [...command, null], [...environment, null]);
    if (errno !== 0) throw new KernelError({ operation, errno });
    return pid[0] ?? 0;
  } finally {
    destroyActions(actions);
  }
}
