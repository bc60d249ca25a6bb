/** `GET /containers/{id}/logs` (Docker API v1.51): a stream of output that ends with the log, or with the container. */
import { pipeline } from "node:stream/promises";
import { EngineError } from "../../base/errors.ts";
import { onAnswerOver, standardHeaders, type ApiApp, type ById } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import type { LogOptions } from "../../engine/engine.ts";
import { Query } from "../query.ts";
import { outputEncoder, streamContentType } from "../stream/framing.ts";

export function containerLogRoutes(app: ApiApp, { engine, settings, log }: ApiContext): void {
  app.get<ById>("/containers/:id/logs", async (request, reply) => {
    const { id, spec } = engine.containers.find(request.params.id);
    const output = await engine.containers.logs(id, logOptions(new Query(request.url)));
    onAnswerOver(reply, () => output.destroy());
    reply.hijack();
    const contentType = streamContentType(spec.tty, request.apiMinor);
    reply.raw.writeHead(200, { ...standardHeaders(settings), "Content-Type": contentType });
    reply.raw.flushHeaders();
    try {
      await pipeline(output, outputEncoder(spec.tty), reply.raw);
    } catch (error) {
      log.debug({ error, container: id }, "log stream ended early");
    }
  });
}

/** Throws `invalid-argument`. */
function logOptions(query: Query): LogOptions {
  const stdout = query.flag("stdout");
  const stderr = query.flag("stderr");
  if (!stdout && !stderr) {
    throw new EngineError("invalid-argument", "Bad parameters: you must choose at least one stream");
  }
  const sinceNs = query.timeNs("since");
  const untilNs = query.timeNs("until");
  const tail = /^\d{1,9}$/.test(query.text("tail")) ? Number(query.text("tail")) : undefined;
  return {
    stdout,
    stderr,
    follow: query.flag("follow"),
    timestamps: query.flag("timestamps"),
    ...(tail === undefined ? {} : { tail }),
    ...(sinceNs === undefined ? {} : { sinceNs }),
    ...(untilNs === undefined ? {} : { untilNs }),
  };
}
