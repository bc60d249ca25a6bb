/**
 * What the kernel refused: the operation in our words, the errno's number and name, and the kernel's own sentence where it
 * gave one (NETLINK_EXT_ACK). It crosses from the kernel thread to the caller as plain data (`KernelFailure`), because
 * structured clone forgets classes.
 */
import { getSystemErrorName } from "node:util";
import { ERRNO } from "./uapi/errno.ts";

/** A KernelError as data, fit for `postMessage`. */
export interface KernelFailure {
  /** "create link br-1a2b" */
  readonly operation: string;
  /** Positive, as in errno(3); 0 when the failure was not a system call's. */
  readonly errno: number;
  /** Why, in words: the kernel's extended ack, or our own explanation. */
  readonly detail?: string;
  readonly completed?: number;
}

export class KernelError extends Error {
  override readonly name = "KernelError";
  readonly operation: string;
  /** Positive, as in errno(3); 0 when the failure was not a system call's. */
  readonly errno: number;
  /** "EEXIST"; "" when `errno` is 0. */
  readonly code: string;
  /** The kernel's own text (extended ack), or our explanation; absent when the errno says all. */
  readonly detail?: string;
  /** How many steps of the batch succeeded before this one failed. */
  readonly completed: number;

  constructor(failure: KernelFailure, options?: ErrorOptions) {
    const code = errnoName(failure.errno);
    super(describe(failure, code), options);
    this.operation = failure.operation;
    this.errno = failure.errno;
    this.code = code;
    this.completed = failure.completed ?? 0;
    if (failure.detail !== undefined) this.detail = failure.detail;
  }

  /** The same failure as plain data. */
  toFailure(): KernelFailure {
    const { operation, errno, detail, completed } = this;
    return { operation, errno, completed, ...(detail === undefined ? {} : { detail }) };
  }
}

const RARE_NAMES: ReadonlyMap<number, string> = new Map(Object.entries(ERRNO).map(([name, errno]) => [errno, name]));

/** The name of a positive errno: 17 is "EEXIST". Numbers that nobody knows are printed as such. */
export function errnoName(errno: number): string {
  const rare = RARE_NAMES.get(errno);
  if (rare !== undefined) return rare;
  return errno === 0 ? "" : getSystemErrorName(-errno).replace(/^Unknown system error -/, "errno ");
}

function describe(failure: KernelFailure, code: string): string {
  const reason = [failure.detail, code].filter((part) => part !== undefined && part !== "");
  return [failure.operation, ...(reason.length === 2 ? [`${reason[0]} (${reason[1]})`] : reason)].join(": ");
}
