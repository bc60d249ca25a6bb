/**
 * The one error class that crosses folders. Its code is closed set; `api/status.ts` alone turns codes into HTTP statuses.
 *
 * Messages are lower-case fragments that chain ("create bridge br-1a2b: link exists"), except where Docker's sentence is the
 * contract: then it is the message, to the letter. Lower layers' errors travel as `cause`.
 */

/** Why an operation failed, in the engine's own words. */
export type ErrorCode =
  /** The request is malformed or contradicts itself (400). */
  | "invalid-argument"
  /** The thing named does not exist (404). */
  | "not-found"
  /** The thing exists already, or its state forbids the request (409). */
  | "conflict"
  /** Never allowed on this thing, or in use by another (403). */
  | "forbidden"
  /** A part we need is not there right now (503). */
  | "unavailable"
  /** Known to Docker's API, not built here yet (501). */
  | "not-implemented"
  /** The thing is already as asked; Docker answers with an empty 304 (304). */
  | "not-modified"
  /** Anything else (500). */
  | "internal";

export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Wraps whatever was thrown with what was being done; the code of an inner EngineError is kept. */
  static wrap(cause: unknown, doing: string): EngineError {
    const code = cause instanceof EngineError ? cause.code : "internal";
    return new EngineError(code, `${doing}: ${messageOf(cause)}`, { cause });
  }
}

/** The text of anything that can be thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
