/** Filters of `GET /events` (moby `daemon/events/filter.go`). */
import type { EngineEvent } from "../base/event-bus.ts";
import type { Filters } from "./filters.ts";

export const EVENT_FILTERS = [
  "config",
  "container",
  "daemon",
  "event",
  "image",
  "label",
  "network",
  "node",
  "plugin",
  "scope",
  "secret",
  "service",
  "type",
  "volume",
];

/** Things that never have events here: asking for them selects nothing. */
const ABSENT = ["config", "node", "plugin", "secret", "service"];

export function eventFilter(filters: Filters): (event: EngineEvent) => boolean {
  return (event) =>
    filters.exact("type", event.type) &&
    filters.exact("scope", "local") &&
    matchesAction(filters.values("event"), event.action) &&
    filters.labels("label", event.attributes) &&
    matchesActor(filters, "container", event) &&
    matchesActor(filters, "network", event) &&
    matchesActor(filters, "volume", event) &&
    matchesActor(filters, "daemon", event) &&
    matchesImage(filters.values("image"), event) &&
    !ABSENT.some((key) => filters.has(key));
}

/** "exec_start" also selects "exec_start: sh -c ls". */
function matchesAction(asked: readonly string[], action: string): boolean {
  return asked.length === 0 || asked.some((word) => action === word || action.startsWith(`${word}:`));
}

function matchesActor(filters: Filters, type: EngineEvent["type"], event: EngineEvent): boolean {
  const asked = filters.values(type);
  if (asked.length === 0) return true;
  if (event.type !== type) return false;
  const name = event.attributes["name"] ?? "";
  return asked.some((value) => value !== "" && (event.actorId.startsWith(value) || name === value));
}

function matchesImage(asked: readonly string[], event: EngineEvent): boolean {
  if (asked.length === 0) return true;
  const names = [event.actorId, event.attributes[event.type === "image" ? "name" : "image"] ?? ""];
  const withoutTag = names.map((name) => name.replace(/:[^/:]*$/, ""));
  return asked.some((value) => names.includes(value) || withoutTag.includes(value));
}
