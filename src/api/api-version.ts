/**
 * API versions 1.41 to 1.51: the `/v1.NN` prefix of a path, and Docker's sentences for versions outside. A request without
 * prefix speaks the newest.
 */
import { EngineError } from "../base/errors.ts";

/** Minor numbers; the major is 1 in every version there is. */
export const OLDEST_MINOR = 41;
export const NEWEST_MINOR = 51;
export const OLDEST_VERSION = `1.${OLDEST_MINOR}`;
export const NEWEST_VERSION = `1.${NEWEST_MINOR}`;

export interface VersionedPath {
  /** As the client wrote it, `1.44`; absent when it did not. */
  readonly version?: string;
  /** Path and query without the prefix. */
  readonly path: string;
}

/** Splits `/v1.44/networks?x` into version and path; any other path is left whole. */
export function splitVersion(url: string): VersionedPath {
  const match = /^\/v(\d[\d.]*)(\/.*)$/s.exec(url);
  return match?.[1] === undefined || match[2] === undefined ? { path: url } : { version: match[1], path: match[2] };
}

/** The minor version to speak. Throws `invalid-argument` with Docker's sentence when too old or too new. */
export function negotiate(version: string | undefined): number {
  if (version === undefined) return NEWEST_MINOR;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major < 1 || (major === 1 && minor < OLDEST_MINOR)) {
    const mend = "please upgrade your client to a newer version";
    throw new EngineError(
      "invalid-argument",
      `client version ${version} is too old. Minimum supported API version is ${OLDEST_VERSION}, ${mend}`,
    );
  }
  if (major > 1 || minor > NEWEST_MINOR) {
    throw new EngineError(
      "invalid-argument",
      `client version ${version} is too new. Maximum supported API version is ${NEWEST_VERSION}`,
    );
  }
  return minor;
}
