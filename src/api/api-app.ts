/** The fastify application that routes are added to, typed by our schemas, and what each request carries. */
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, RawServerDefault } from "fastify";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ApiSettings } from "./api-context.ts";
import { NEWEST_VERSION } from "./api-version.ts";
import type { DecoderTypeProvider } from "./schema/body.ts";

export type ApiApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  DecoderTypeProvider
>;

declare module "fastify" {
  interface FastifyRequest {
    /** Minor API version that the client speaks. */
    apiMinor: number;
  }
}

/** A route under `/x/:id`. */
export interface ById {
  Params: { id: string };
}

/** A route that ends in a wildcard. */
export interface ByRest {
  Params: { "*": string };
}

/** Headers of every answer. */
export function standardHeaders(settings: ApiSettings): Record<string, string> {
  return {
    "Api-Version": NEWEST_VERSION,
    "Docker-Experimental": String(settings.experimental ?? false),
    Ostype: "linux",
    Server: `Causeway/${settings.serverVersion} (linux)`,
  };
}

/** Answers JSON `null`, which is how Go prints an empty list that was never made. */
export function sendNull(reply: FastifyReply): FastifyReply {
  return reply.type("application/json").send("null");
}

/** Calls `leave` once when the answer is complete or the client goes away before. */
export function onAnswerOver(reply: FastifyReply, leave: () => void): void {
  reply.raw.once("close", leave);
}
