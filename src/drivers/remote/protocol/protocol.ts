/**
 * The remote protocol: libnetwork's `docs/remote.md` and `docs/ipam.md` as documented shapes, each with its check. Whoever
 * asks (our drivers) reads answers with it, and whoever answers (the plugin kit) reads questions with it, so that both sides
 * mean the same.
 *
 * A call is an HTTP POST to `/Interface.Method` with a JSON body, or with none where the request is empty. The answer is JSON
 * with status 200; `Err` (network drivers) or `Error` (IPAM) in it tells that the call failed. Field names are the wire's.
 */
import type { WireReader } from "./wire-reader.ts";

/** What a plugin says that it takes and gives; `Accept` of every request and `Content-Type` of every answer. */
export const CONTENT_TYPE = "application/vnd.docker.plugins.v1.2+json";

/** `Host` of requests over a unix socket. */
export const UNIX_HOST = "plugin.moby.localhost";

/** One method: how to read its request, for servers, and its answer, for clients. Both throw RecordError. */
export interface Call<Request, Answer> {
  /** "NetworkDriver.Join": the path without its slash. */
  readonly name: string;
  readonly request: (reader: WireReader) => Request;
  readonly answer: (reader: WireReader) => Answer;
}

export type RequestOf<C> = C extends Call<infer Request, unknown> ? Request : never;
export type AnswerOf<C> = C extends Call<never, infer Answer> ? Answer : never;

/** A request without content, whose body is empty. */
export type Nothing = Readonly<Record<string, never>>;

/** Options of any JSON kind by name: labels of the model, and what the user gave. */
export type Options = Readonly<Record<string, unknown>>;

export const nothing = (): Nothing => ({});

export const ACTIVATE: Call<Nothing, { readonly Implements: readonly string[] }> = {
  name: "Plugin.Activate",
  request: nothing,
  answer: (reader) => ({ Implements: reader.field("Implements").list((item) => item.text()) }),
};

export const NETWORK_DRIVER_INTERFACE = "NetworkDriver";
export const IPAM_DRIVER_INTERFACE = "IpamDriver";

/** How to make the calls of one interface. */
export function callsOf(interfaceName: string) {
  return <Request, Answer>(
    method: string,
    request: Call<Request, Answer>["request"],
    answer: Call<Request, Answer>["answer"],
  ): Call<Request, Answer> => ({ name: `${interfaceName}.${method}`, request, answer });
}

/** The failure that an answer tells of, from a network driver (`Err`) or an IPAM driver (`Error`); empty: there is none. */
export function failureOf(reader: WireReader, field: "Err" | "Error"): string {
  return reader.field(field).text();
}
