/**
 * Changes to one datagram, which the kernel carries out whole or not at all, and the way back from a refusal to the change
 * that it is about. Requests are numbered from 1.
 *
 *     | NFNL_MSG_BATCH_BEGIN, resource 10 | request 1 | ... | request n, with NLM_F_ACK | NFNL_MSG_BATCH_END |
 */
import { ByteWriter } from "../../wire/byte-writer.ts";
import { KernelError } from "../kernel-error.ts";
import { writeRequest, type Request } from "../netlink/message.ts";
import { NLM_F } from "../uapi/netlink.ts";
import { NFNL_MSG, NFNL_SUBSYS } from "../uapi/nf-tables.ts";
import { describeChange } from "./describe-change.ts";
import { encodeChange, nftPayload } from "./encode-change.ts";
import type { NftChange } from "./ruleset.ts";

export interface Batch {
  readonly datagram: Uint8Array;
  /** The number of the last request. */
  readonly last: number;
  /** The change that a request is of; the batch itself has the number 0. */
  readonly changeOf: readonly (NftChange | undefined)[];
}

export interface BatchRefusal {
  /** The request's number, 0 for the batch itself. */
  readonly sequence: number;
  readonly errno: number;
  /** The kernel's own sentence. */
  readonly text?: string;
}

/** Throws RangeError on a change that cannot be written. */
export function encodeBatch(changes: readonly NftChange[]): Batch {
  const writer = new ByteWriter(4096);
  const changeOf: (NftChange | undefined)[] = [undefined];
  writeRequest(writer, batchMark(NFNL_MSG.BATCH_BEGIN), 0);
  for (const [index, change] of changes.entries()) {
    const requests = encodeChange(change, index + 1);
    for (const [part, request] of requests.entries()) {
      const isLast = index === changes.length - 1 && part === requests.length - 1;
      writeRequest(writer, isLast ? { ...request, flags: request.flags | NLM_F.ACK } : request, changeOf.length);
      changeOf.push(change);
    }
  }
  writeRequest(writer, batchMark(NFNL_MSG.BATCH_END), changeOf.length);
  return { datagram: writer.finish(), last: changeOf.length - 1, changeOf };
}

function batchMark(type: number): Request {
  return { type, flags: 0, payload: nftPayload(0, [], NFNL_SUBSYS.NFTABLES) };
}

export function refusalError({ changeOf }: Batch, { sequence, errno, text }: BatchRefusal): KernelError {
  const operation = describeChange(changeOf[sequence]);
  return new KernelError({ operation, errno, ...(text === undefined ? {} : { detail: text }) });
}
