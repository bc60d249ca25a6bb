/** The one table from the engine's error codes to HTTP statuses (Docker API v1.51, `server/httpstatus`). */
import { EngineError, messageOf, type ErrorCode } from "../base/errors.ts";

const STATUS: Readonly<Record<ErrorCode, number>> = {
  "invalid-argument": 400,
  "not-found": 404,
  conflict: 409,
  forbidden: 403,
  unavailable: 503,
  "not-implemented": 501,
  "not-modified": 304,
  internal: 500,
};

/** What a failed request is answered with. */
export interface Failure {
  readonly status: number;
  readonly message: string;
}

/** The answer to anything thrown: ours by its code, fastify's by its `statusCode`, 500 for the rest. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof EngineError) return { status: STATUS[thrown.code], message: thrown.message };
  return { status: statusCodeOf(thrown) ?? 500, message: messageOf(thrown) };
}

function statusCodeOf(thrown: unknown): number | undefined {
  if (typeof thrown !== "object" || thrown === null || !("statusCode" in thrown)) return undefined;
  const { statusCode } = thrown;
  return typeof statusCode === "number" && statusCode >= 400 && statusCode <= 599 ? statusCode : undefined;
}
