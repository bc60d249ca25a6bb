/** Attach without `Upgrade`: the output is a plain streamed answer, and a chunked request body is the process's stdin. */
import { Duplex, Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { onAnswerOver, standardHeaders, type ApiApp, type ById } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { Query } from "../query.ts";
import { openAttach } from "../stream/open-attach.ts";
import type { StreamSession } from "../stream/session.ts";

export function attachRoutes(app: ApiApp, context: ApiContext): void {
  app.post<ById>("/containers/:id/attach", { config: { body: "stream" } }, async (request, reply) => {
    const query = new Query(request.url);
    const session = await openAttach(context, { reference: request.params.id, query, minor: request.apiMinor });
    const streamed = request.headers["transfer-encoding"] !== undefined;
    if (!streamed) request.raw.resume();
    await servePlain(context, { reply, session, input: streamed ? request.raw : silence() });
  });
}

export interface PlainStream {
  readonly reply: FastifyReply;
  readonly session: StreamSession;
  readonly input: Readable;
}

/** Serves a session as the body of a 200 answer, after which the connection ends. */
export async function servePlain({ settings }: ApiContext, { reply, session, input }: PlainStream): Promise<void> {
  reply.hijack();
  reply.raw.writeHead(200, {
    ...standardHeaders(settings),
    "Content-Type": session.contentType,
    Connection: "close",
  });
  reply.raw.flushHeaders();
  const client = Duplex.from({ readable: input, writable: reply.raw });
  onAnswerOver(reply, () => client.destroy());
  await session.serve(client);
}

/** An input that says nothing and never ends. */
export function silence(): Readable {
  return new Readable({ read: () => undefined });
}
