/**
 * Blobs in containerd's content store: written once, named by their SHA-256, read whole. A write is one stream: every piece
 * is acknowledged before the next is sent, so that a fast sender never fills memory here or there.
 */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { EngineError } from "../../base/errors.ts";
import type { ContainerdClient } from "./client.ts";
import { fromServiceError, isServiceError } from "./grpc-errors.ts";
import type { Descriptor, WriteContent } from "./messages.ts";

/** Well under the 16 MiB that a gRPC message may have. */
const PIECE = 1024 * 1024;
/** Largest blob read into memory: manifests and configs are a few KiB. */
const READ_LIMIT = 8 * 1024 * 1024;

export interface WriteOptions {
  readonly mediaType: string;
  readonly lease: string;
  /** containerd's garbage collector follows `containerd.io/gc.ref.*` labels. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Stores all of `source`; what is there already is not stored twice. Answers digest and size. */
export async function writeBlob(
  client: ContainerdClient,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: WriteOptions,
): Promise<Descriptor> {
  const ref = `causeway-${randomBytes(8).toString("hex")}`;
  const hash = createHash("sha256");
  const stream = new BlobStream(client, options.lease);
  let offset = 0;
  try {
    for await (const bytes of source) {
      for (let start = 0; start < bytes.length; start += PIECE) {
        const data = bytes.subarray(start, start + PIECE);
        hash.update(data);
        await stream.send({ action: "WRITE", ref, offset, data });
        offset += data.length;
      }
    }
    const digest = `sha256:${hash.digest("hex")}`;
    const commit: WriteContent = { action: "COMMIT", ref, offset, total: offset, expected: digest };
    await stream.commit({ ...commit, labels: options.labels ?? {} });
    return { mediaType: options.mediaType, digest, size: offset };
  } catch (error) {
    await client.call("content", "Abort", { ref }).catch(() => undefined);
    throw error;
  } finally {
    stream.close();
  }
}

/** One Write call: request and acknowledgement in turn. */
class BlobStream {
  readonly #call;
  readonly #answers: AsyncIterator<object>;

  constructor(client: ContainerdClient, lease: string) {
    this.#call = client.duplex("content", "Write", { lease });
    this.#answers = this.#call[Symbol.asyncIterator]();
  }

  async send(request: WriteContent): Promise<void> {
    if (!this.#call.write(request)) await Promise.race([once(this.#call, "drain"), once(this.#call, "end")]);
    try {
      const answer = await this.#answers.next();
      if (answer.done === true) throw new EngineError("unavailable", "containerd ended the write of a blob");
    } catch (error) {
      throw isServiceError(error) ? fromServiceError(error, "content.Write") : error;
    }
  }

  /** A blob that is there already makes the commit fail with `conflict`, which is what was wanted. */
  async commit(request: WriteContent): Promise<void> {
    try {
      await this.send(request);
    } catch (error) {
      if (!(error instanceof EngineError && error.code === "conflict")) throw error;
    }
  }

  close(): void {
    this.#call.on("error", () => undefined);
    this.#call.end();
    this.#call.cancel();
  }
}

/** The blob's bytes as they come, however many. */
export async function* readWholeBlob(client: ContainerdClient, digest: string): AsyncGenerator<Uint8Array> {
  const call = client.stream("content", "Read", { digest });
  try {
    for await (const message of call) {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- messages.ts says what the .proto files do
      yield (message as { readonly data: Uint8Array }).data;
    }
  } catch (error) {
    throw isServiceError(error) ? fromServiceError(error, "content.Read") : error;
  } finally {
    call.cancel();
  }
}

/** The blob's bytes. `not-found` when there is none; `invalid-argument` when it is larger than 8 MiB. */
export async function readBlob(client: ContainerdClient, digest: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for (const { data } of await client.collect<{ data: Uint8Array }>("content", "Read", {
    digest,
    size: READ_LIMIT + 1,
  })) {
    pieces.push(data);
    size += data.length;
  }
  if (size > READ_LIMIT) throw new EngineError("invalid-argument", `blob ${digest} is larger than ${READ_LIMIT} bytes`);
  return Buffer.concat(pieces);
}
