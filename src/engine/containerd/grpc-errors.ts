/**
 * From gRPC statuses to EngineErrors. containerd's codes say what went wrong ("not found", "already exists"), and its text
 * says the rest; the text stays the message, because Docker's clients read parts of it.
 */
import { status, type ServiceError } from "@grpc/grpc-js";
import { EngineError, type ErrorCode } from "../../base/errors.ts";

const codes: Readonly<Partial<Record<status, ErrorCode>>> = {
  [status.NOT_FOUND]: "not-found",
  [status.ALREADY_EXISTS]: "conflict",
  [status.FAILED_PRECONDITION]: "conflict",
  [status.INVALID_ARGUMENT]: "invalid-argument",
  [status.UNAVAILABLE]: "unavailable",
  [status.DEADLINE_EXCEEDED]: "unavailable",
  [status.CANCELLED]: "unavailable",
  [status.UNIMPLEMENTED]: "not-implemented",
};

/**
 * How Go prints the code behind an error that crossed containerd's ttrpc: dockerd shows `...: unknown`, since containerd's
 * client appends it to errors it cannot class.
 */
const suffixes: Readonly<Partial<Record<status, string>>> = {
  [status.UNKNOWN]: ": unknown",
  [status.NOT_FOUND]: ": not found",
  [status.ALREADY_EXISTS]: ": already exists",
  [status.FAILED_PRECONDITION]: ": failed precondition",
};

export function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && "code" in thrown && "details" in thrown;
}

/** The EngineError for a failed call; `doing` is what was asked of containerd, for calls that never got an answer. */
export function fromServiceError(error: ServiceError, doing: string): EngineError {
  const code = codes[error.code] ?? "internal";
  if (code === "unavailable" || code === "not-implemented") {
    return new EngineError(code, `containerd is unavailable: ${doing}: ${error.details}`, { cause: error });
  }
  const suffix = suffixes[error.code] ?? "";
  const text = error.details.endsWith(suffix) ? error.details : `${error.details}${suffix}`;
  return new EngineError(code, text, { cause: error });
}

/** Runs `body` and answers undefined where containerd says that the thing is not there. */
export async function absentIsFine<T>(body: () => Promise<T>): Promise<T | undefined> {
  try {
    return await body();
  } catch (error) {
    if (error instanceof EngineError && error.code === "not-found") return undefined;
    throw error;
  }
}
