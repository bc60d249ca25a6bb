/** An event as `GET /events` streams it (Docker API v1.51, `events.Message` with the old `status`, `id` and `from`). */
import type { EngineEvent } from "../../base/event-bus.ts";
import { exactInteger } from "./exact-json.ts";

export function eventView(event: EngineEvent) {
  return {
    ...legacyFields(event),
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.actorId, Attributes: event.attributes },
    scope: "local",
    time: Number(event.timeNs / 1_000_000_000n),
    timeNano: exactInteger(event.timeNs),
  };
}

function legacyFields(event: EngineEvent) {
  if (event.type === "image") return { status: event.action, id: event.actorId };
  if (event.type !== "container") return {};
  const image = event.attributes["image"];
  return { status: event.action, id: event.actorId, ...(image === undefined ? {} : { from: image }) };
}
