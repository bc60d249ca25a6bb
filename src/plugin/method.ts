/** A method of the protocol as the server has it: a body read and checked, the handler asked, an answer to be sent as JSON. */
import type { Call } from "../drivers/remote/protocol/protocol.ts";
import { WireReader } from "../drivers/remote/protocol/wire-reader.ts";

export interface Method {
  /** "NetworkDriver.Join" */
  readonly name: string;
  /** Throws RecordError for a body that is no such request, and whatever the handler throws. An empty body is an empty object. */
  answer(body: string): Promise<object>;
}

export function method<Request, Answer extends object>(
  call: Call<Request, Answer>,
  handle: (request: Request) => Promise<Answer> | Answer,
): Method {
  return {
    name: call.name,
    answer: async (body) =>
      handle(call.request(body === "" ? new WireReader({}, call.name) : WireReader.parse(body, call.name))),
  };
}

/** What a handler answered that may answer nothing. */
export function unless<T extends object>(answer: T | void): T | Record<string, never> {
  return answer ?? {};
}
