/**
 * `GET /events` (Docker API v1.51): what happened since, then what happens, as lines of JSON until the client leaves or
 * `until` comes. A client that does not read is dropped rather than buffered for without end.
 */
import type { ServerResponse } from "node:http";
import type { EngineEvent } from "../../base/event-bus.ts";
import { onAnswerOver, standardHeaders, type ApiApp } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { EVENT_FILTERS, eventFilter } from "../event-filter.ts";
import { Filters } from "../filters.ts";
import { Query } from "../query.ts";
import { eventView } from "../view/event.ts";

/** Bytes that may wait for a slow reader. */
const BACKLOG_LIMIT = 1024 * 1024;

export function eventRoutes(app: ApiApp, { engine, clock, settings }: ApiContext): void {
  app.get("/events", (request, reply) => {
    const query = new Query(request.url);
    const since = query.timeNs("since");
    const until = query.timeNs("until");
    const selects = eventFilter(Filters.parse(query.text("filters"), EVENT_FILTERS));
    reply.hijack();
    const response = reply.raw;
    response.writeHead(200, { ...standardHeaders(settings), "Content-Type": "application/json" });
    response.flushHeaders();
    const send = (event: EngineEvent): void => {
      if (selects(event)) writeLine(response, event);
    };
    if (since !== undefined || until !== undefined) {
      for (const event of engine.events.recent()) {
        if (event.timeNs >= (since ?? 0n) && (until === undefined || event.timeNs <= until)) send(event);
      }
    }
    const unsubscribe = engine.events.subscribe(send);
    const stop = untilTime(
      until,
      () => clock.nowNs(),
      () => response.end(),
    );
    onAnswerOver(reply, () => {
      unsubscribe();
      stop();
    });
  });
}

function writeLine(response: ServerResponse, event: EngineEvent): void {
  if (response.writableEnded) return;
  response.write(`${JSON.stringify(eventView(event))}\n`);
  if (response.writableLength > BACKLOG_LIMIT) response.destroy();
}

/** Calls `end` when the time has come; answers how to forget it. */
function untilTime(until: bigint | undefined, nowNs: () => bigint, end: () => void): () => void {
  if (until === undefined) return () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const check = (): void => {
    const leftMs = Number((until - nowNs()) / 1_000_000n);
    if (leftMs <= 0) end();
    else timer = setTimeout(check, Math.min(leftMs + 1, 0x7fffffff));
  };
  check();
  return () => clearTimeout(timer);
}
