/**
 * Reading a request's body by the rules of moby's `httputils.ReadJSON`: the content type must be JSON when there is a body,
 * an empty body is not an error, and nothing may follow the document. Bodies are bounded; streams are left to their route.
 */
import type { FastifyInstance, FastifyRequest, FastifyTypeProvider } from "fastify";
import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { EngineError } from "../../base/errors.ts";
import { decodeDocument, type Decoder } from "./decoder.ts";
import { parseJson } from "./json-text.ts";

/** Lets fastify infer `request.body` from a route's `schema.body`. */
export interface DecoderTypeProvider extends FastifyTypeProvider {
  readonly validator: this["schema"] extends Decoder<infer T> ? T : unknown;
  readonly serializer: unknown;
}

declare module "fastify" {
  interface FastifyContextConfig {
    /** "stream": the handler reads the request itself. */
    readonly body?: "json" | "stream";
  }
}

/** What a JSON body may be. */
export interface BodyLimits {
  readonly bytes: number;
  readonly timeoutMs: number;
}

/** A body that is not worth reading on: an answer of 413 or 408. `status.ts` reads `statusCode`. */
export class BodyRefused extends Error {
  readonly statusCode: 408 | 413;

  constructor(statusCode: 408 | 413, message: string) {
    super(message);
    this.statusCode = statusCode;
  }

  static tooLarge(limit: number): BodyRefused {
    return new BodyRefused(413, `request body is larger than the limit of ${limit} bytes`);
  }

  static tooSlow(timeoutMs: number): BodyRefused {
    return new BodyRefused(408, `request body did not arrive within ${timeoutMs} ms`);
  }
}

/** Makes an app read and validate bodies this way. */
export function installBodies(app: FastifyInstance, limits: BodyLimits): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", async (request: FastifyRequest, payload: IncomingMessage) => {
    if (request.routeOptions.config.body === "stream") return payload;
    return parseBody(await readBounded(payload, limits), request.headers["content-type"]);
  });
  app.setValidatorCompiler<Decoder<unknown>>(({ schema }) => (value: unknown) => {
    try {
      return { value: decodeDocument(schema, value ?? {}) };
    } catch (error) {
      return { error: error instanceof Error ? error : new Error(String(error)) };
    }
  });
}

/** The document in `bytes`; undefined when there are none. Throws `invalid-argument`. */
export function parseBody(bytes: Buffer, contentType: string | undefined): unknown {
  if (bytes.length === 0) return undefined;
  const mediaType = (contentType ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (contentType !== undefined && mediaType !== "application/json") {
    const message = `unsupported Content-Type header (${contentType}): must be 'application/json'`;
    throw new EngineError("invalid-argument", message);
  }
  const text = bytes.toString("utf8");
  if (text.trim() === "") throw new EngineError("invalid-argument", "invalid JSON: got EOF while reading request body");
  return parseJson(text, "invalid JSON");
}

/**
 * Times the limit that a body which is too long is read on and thrown away: a client that is still writing when the
 * connection ends would see a broken pipe instead of the answer.
 */
const READ_ON = 16;

/** Collects a stream. Throws {@link BodyRefused} when it is too long or too slow. */
async function readBounded(stream: Readable, limits: BodyLimits): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= limits.bytes) chunks.push(chunk);
    else chunks.length = 0;
    if (size > limits.bytes * READ_ON) reject(BodyRefused.tooLarge(limits.bytes));
  });
  stream.once("end", () => {
    if (size > limits.bytes) reject(BodyRefused.tooLarge(limits.bytes));
    else resolve(Buffer.concat(chunks));
  });
  stream.once("error", reject);
  stream.once("close", () => reject(new EngineError("invalid-argument", "invalid JSON: unexpected EOF")));
  const timer = setTimeout(() => reject(BodyRefused.tooSlow(limits.timeoutMs)), limits.timeoutMs);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
