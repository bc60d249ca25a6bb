/** The pid file: says who runs, keeps a second daemon out, and goes with its daemon. A file of a dead process is replaced. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { EngineError } from "../base/errors.ts";

export class PidFile implements Disposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Throws `conflict` while the process that the file names lives, with the sentence that `why` makes of its pid. */
  static create(path: string, why = stillRunning): PidFile {
    const pid = readPid(path);
    if (pid !== undefined && pid !== process.pid && isAlive(pid)) {
      throw new EngineError("conflict", why(pid, path));
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, String(process.pid), { mode: 0o644 });
    return new PidFile(path);
  }

  [Symbol.dispose](): void {
    if (readPid(this.#path) === process.pid) rmSync(this.#path, { force: true });
  }
}

function stillRunning(pid: number, path: string): string {
  return `process with PID ${pid} is still running; stop it, or delete ${path} if it is no daemon`;
}

function readPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, "utf8").trim());
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** Not those that have ended and whose parent has not noticed: a killed daemon may stay so for long. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !hasEnded(pid);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** proc(5): the state follows the command's name, which stands in parentheses and may contain some. */
function hasEnded(pid: number): boolean {
  try {
    return /^.*\) [ZX] /s.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}
