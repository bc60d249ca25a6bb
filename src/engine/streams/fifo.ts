/**
 * Named pipes between a process under its shim and us. The read ends are opened non-blocking and given to the event loop, so
 * that a silent container costs no thread; the stdin end is opened for both directions, because a write-only open would
 * fail before the shim has opened its end.
 */
import koffi from "koffi";
import { closeSync, constants, openSync } from "node:fs";
import { Socket } from "node:net";
import { EngineError } from "../../base/errors.ts";

/** Owner may read and write; nobody else. */
const MODE = 0o600;
const EEXIST = 17;

const mkfifo: (path: string, mode: number) => number = koffi.load(null).func("int mkfifo(const char *path, uint mode)");

/** Makes a named pipe unless it is there. Equivalent to: `mkfifo -m 600 PATH`. */
export function ensureFifo(path: string): void {
  if (mkfifo(path, MODE) === 0 || koffi.errno() === EEXIST) return;
  throw new EngineError("internal", `make fifo ${path}: errno ${koffi.errno()}`);
}

/** Reads what a process writes. Ends when the last writer that there was is gone; the socket owns the descriptor. */
export function openFifoReader(path: string): Socket {
  return adopt(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), { readable: true, writable: false });
}

/** Writes what a process reads. */
export function openFifoWriter(path: string): Socket {
  return adopt(openSync(path, constants.O_RDWR | constants.O_NONBLOCK), { readable: false, writable: true });
}

function adopt(fd: number, direction: { readable: boolean; writable: boolean }): Socket {
  try {
    return new Socket({ fd, ...direction });
  } catch (cause) {
    closeSync(fd);
    throw new EngineError("internal", "adopt a fifo", { cause });
  }
}
