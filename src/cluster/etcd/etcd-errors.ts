/**
 * What a failed call to etcd says about it: whether it was surely not carried out, whether asking another member may help, and
 * the words to pass on. etcd's own codes are in api/v3rpc/rpctypes/error.go of its source.
 */
import { status, type ServiceError } from "@grpc/grpc-js";
import { messageOf } from "../../base/errors.ts";

export interface EtcdFailure {
  readonly reason: string;
  /** Surely nothing was done: the call may be repeated, whatever it was. */
  readonly untouched: boolean;
  /** The cluster itself refused: another member will as well. */
  readonly final: boolean;
}

/** Refusals that come before anything is proposed to the cluster. */
const UNTOUCHED = /etcdserver: no leader|etcdserver: too many requests|raft proposal dropped/;

/** What grpc-js puts around the reason. */
const DECORATION = /^No connection established\. Last error: (Error: )?| \(\d{4}-\d\d-[^)]*Z\)| Resolution note: $/g;

const FINAL: ReadonlySet<status> = new Set([
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.FAILED_PRECONDITION,
  status.OUT_OF_RANGE,
  status.PERMISSION_DENIED,
  status.UNAUTHENTICATED,
]);

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && "code" in thrown && "details" in thrown;
}

export function describeFailure(thrown: unknown): EtcdFailure {
  if (!isServiceError(thrown)) return { reason: messageOf(thrown), untouched: false, final: false };
  const details = thrown.details
    .replaceAll(DECORATION, "")
    .replaceAll(/\s+/g, " ")
    .replace(/[ .]+$/, "");
  const reason = details || status[thrown.code];
  return { reason, untouched: UNTOUCHED.test(reason), final: FINAL.has(thrown.code) };
}

/** etcd knows no such lease (any more). */
export function isLeaseGone(thrown: unknown): boolean {
  return isServiceError(thrown) && thrown.code === status.NOT_FOUND;
}

/** The revision that was asked for is compacted away, or not there yet. */
export function isRevisionGone(thrown: unknown): boolean {
  return isServiceError(thrown) && thrown.code === status.OUT_OF_RANGE;
}
