/**
 * Network namespaces, as the kernel thread visits and keeps them. Whatever happens inside a visit, the thread is back in
 * the daemon's namespace afterwards, or it ends: a thread in the wrong place would do the right things to the wrong host.
 */
import { closeSync, mkdirSync, openSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { dirname } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { HOST, type NamespaceRef } from "../facts.ts";
import { KernelError } from "../kernel-error.ts";
import { CLONE, MNT, MS, NSFS_MAGIC } from "../uapi/system.ts";
import { mount, setns, unmount, unshare } from "./libc.ts";

const OWN_NAMESPACE = "/proc/thread-self/ns/net";

export class Namespaces implements Disposable {
  readonly #home: number;
  readonly #abandon: (reason: string) => never;

  /** The daemon's namespace is the one that the calling thread is in now. `abandon` ends the thread. */
  constructor(abandon: (reason: string) => never) {
    this.#home = openSync(OWN_NAMESPACE, "r");
    this.#abandon = abandon;
  }

  /** Descriptor of the daemon's own namespace; not the caller's to close. */
  get homeFd(): number {
    return this.#home;
  }

  /** Opens a namespace file; the caller closes it. Throws KernelError, ENOENT when it is absent or a mere leftover. */
  open(path: NamespaceRef): number {
    if (!isNamespaceFile(path)) {
      throw new KernelError({ operation: `enter namespace ${path}`, errno: constants.errno.ENOENT });
    }
    return openSync(path, "r");
  }

  /** Runs `body`, which must not wait for anything, with the thread inside the namespace. */
  inside<T>(namespace: NamespaceRef, body: () => T): T {
    if (namespace === HOST) return body();
    const fd = this.open(namespace);
    try {
      setns(fd, CLONE.NEWNET);
    } finally {
      closeSync(fd);
    }
    return this.#andReturn(body);
  }

  /**
   * Makes a namespace and keeps it by a bind mount on `path`, whose directory is made with mode 0700. A file left over
   * without its mount is used again; an existing namespace stays. Equivalent to: `ip netns add`, elsewhere than in
   * /run/netns. The mount spreads as the directory's own mount does; it needs no care of ours, because unlinking the file
   * undoes it in other mount namespaces too.
   */
  ensure(path: NamespaceRef): void {
    if (isNamespaceFile(path)) return;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(path, "", { flag: "a", mode: 0o600 });
    } catch (cause) {
      throw fileError(`create namespace file ${path}`, cause);
    }
    try {
      unshare(CLONE.NEWNET);
      this.#andReturn(() => mount(OWN_NAMESPACE, path, "none", MS.BIND));
    } catch (cause) {
      rmSync(path, { force: true });
      throw cause;
    }
  }

  /** Lets go of the namespace and removes its file; it ends with its last process and socket. Equivalent to: `ip netns del`. */
  remove(path: NamespaceRef): void {
    while (isNamespaceFile(path)) unmount(path, MNT.DETACH);
    try {
      rmSync(path, { force: true });
    } catch (cause) {
      throw fileError(`remove namespace file ${path}`, cause);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#home);
  }

  #andReturn<T>(body: () => T): T {
    try {
      return body();
    } finally {
      try {
        setns(this.#home, CLONE.NEWNET);
      } catch (cause) {
        this.#abandon(`cannot return to the daemon's network namespace: ${messageOf(cause)}`);
      }
    }
  }
}

/** Whether a namespace is mounted there. */
export function isNamespaceFile(path: string): boolean {
  try {
    return statfsSync(path).type === NSFS_MAGIC;
  } catch {
    return false;
  }
}

/** What `node:fs` threw, as a KernelError. */
export function fileError(operation: string, cause: unknown): KernelError {
  const errno = cause instanceof Error && "errno" in cause && typeof cause.errno === "number" ? -cause.errno : 0;
  return new KernelError({ operation, errno, ...(errno === 0 ? { detail: messageOf(cause) } : {}) }, { cause });
}
