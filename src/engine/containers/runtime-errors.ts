/**
 * Why a process could not be started, from the OCI runtime's text: the exit code that a shell would give (127 not found, 126
 * not executable) and the error a client sees. Docker's clients look for the same words.
 */
import { EngineError, messageOf } from "../../base/errors.ts";

export interface StartFailure {
  readonly exitCode: number;
  readonly error: EngineError;
}

const NOT_FOUND = /executable file not found|no such file or directory|system cannot find the file specified/;
const NOT_EXECUTABLE = /permission denied|is a directory|exec format error/;
const BAD_MOUNT = /not a directory|not a directory: unknown/;

/** How containerd and its shim say that the container's first process has ended meanwhile. */
const CONTAINER_ENDED = /cannot exec in a (stopped|deleted) state|ttrpc: closed/;

/** A container's first process: the message begins as dockerd's does. */
export function containerStartFailure(cause: unknown, step: "create" | "start"): StartFailure {
  const text = messageOf(cause);
  const doing = step === "create" ? "failed to create task for container: " : "";
  if (!isRuntimeError(cause)) {
    return {
      exitCode: 128,
      error: cause instanceof EngineError ? cause : new EngineError("internal", text, { cause }),
    };
  }
  const exitCode = exitCodeOf(text);
  // What the user asked for cannot be run: their fault, not ours.
  const code = exitCode === 128 ? "internal" : "invalid-argument";
  return { exitCode, error: new EngineError(code, `${doing}${text}`, { cause }) };
}

/** A further process in a container that ran when it was asked for. */
export function execStartFailure(cause: unknown, containerId: string): StartFailure {
  const text = messageOf(cause);
  if (CONTAINER_ENDED.test(text) || (cause instanceof EngineError && cause.code === "not-found")) {
    return { exitCode: 126, error: new EngineError("conflict", `container ${containerId} is not running`, { cause }) };
  }
  const exitCode = exitCodeOf(text);
  if (!isRuntimeError(cause) || exitCode === 128) {
    return { exitCode: 126, error: cause instanceof EngineError ? cause : EngineError.wrap(cause, "start exec") };
  }
  return { exitCode, error: new EngineError("invalid-argument", text, { cause }) };
}

function isRuntimeError(cause: unknown): boolean {
  return cause instanceof EngineError && /OCI runtime|runc|executable file|exec:/.test(cause.message);
}

function exitCodeOf(text: string): number {
  if (NOT_FOUND.test(text)) return 127;
  if (NOT_EXECUTABLE.test(text)) return 126;
  if (BAD_MOUNT.test(text)) return 127;
  return 128;
}
