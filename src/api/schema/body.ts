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

/** An answer of 413: fastify and `status.ts` read `statusCode`. */
export class BodyTooLarge extends Error {
  readonly statusCode = 413;

  constructor(limit: number) {
    super(`request body is larger than the limit of ${limit} bytes`);
  }
}

/** Makes an app read and validate bodies this way. */
export function installBodies(app: FastifyInstance, limit: number): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", async (request: FastifyRequest, payload: IncomingMessage) => {
    if (request.routeOptions.config.body === "stream") return payload;
    return parseBody(await readBounded(payload, limit), request.headers["content-type"]);
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

/** Collects a stream. Throws {@link BodyTooLarge} once it is longer than `limit` bytes; what is left is discarded unread. */
export async function readBounded(stream: Readable, limit: number): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > limit) {
      chunks.length = 0;
      reject(new BodyTooLarge(limit));
    } else {
      chunks.push(chunk);
    }
  });
  stream.once("end", () => resolve(Buffer.concat(chunks)));
  stream.once("error", reject);
  stream.once("close", () => reject(new EngineError("invalid-argument", "invalid JSON: unexpected EOF")));
  return promise;
}
