/** `causeway events`: what happens in the daemon, as it happens. */
import { asNumber, asObject, asText, asTextMap, type JsonObject } from "../client/json-access.ts";
import { readJsonLines } from "../client/json-lines.ts";
import { parseTimestamp } from "../container/timestamps.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import { checkFilter, encodeFilters } from "../flags/filters.ts";
import { list, text } from "../flags/option-spec.ts";
import { compile, run } from "../format/list-format.ts";

export const events: CommandSpec = {
  name: "events",
  usage: "[OPTIONS]",
  summary: "Get real time events from the server",
  arguments: [0, 0],
  options: [
    list("filter,f", "Filter output based on conditions provided", { value: "filter", check: checkFilter }),
    text("format", "Format output: json or a Go template"),
    text("since", "Show all events created since timestamp"),
    text("until", "Stream events until this timestamp"),
  ],
  examples: ["causeway events --filter type=network", "causeway events --since 10m --until 0s --format json"],
  run: async ({ api, stdout }, _args, flags) => {
    const format = flags.text("format") ?? "";
    const template = format === "" || format === "json" ? undefined : compile(format, {}, 64);
    const [since, until] = [flags.text("since"), flags.text("until")];
    const query = {
      since: since === undefined ? undefined : parseTimestamp(since),
      until: until === undefined ? undefined : parseTimestamp(until),
      filters: encodeFilters(flags.list("filter")),
    };
    for await (const event of readJsonLines(await api.stream("GET", "/events", { query }))) {
      const line = template === undefined ? undefined : run(template, event);
      stdout.write(`${line ?? (format === "json" ? JSON.stringify(event) : describe(asObject(event)))}\n`);
    }
  },
};

/** `2026-11-27T11:00:00.000000000Z network connect f1a2... (container=c1, name=backend)` */
function describe(event: JsonObject): string {
  const actor = asObject(event["Actor"]);
  const attributes = Object.entries(asTextMap(actor["Attributes"]))
    .map(([key, value]) => `${key}=${value}`)
    .sort();
  const type = asText(event["Type"]);
  const action = asText(event["Action"]) || asText(event["status"]);
  const id = asText(actor["ID"]);
  const suffix = attributes.length === 0 ? "" : ` (${attributes.join(", ")})`;
  return `${moment(event)} ${type} ${action} ${id}${suffix}`;
}

/** In this process's time zone with nine digits. The nanoseconds are more than a number holds: milliseconds come from them. */
function moment(event: JsonObject): string {
  const ns = BigInt(Math.trunc(asNumber(event["timeNano"])) || asNumber(event["time"]) * 1e9);
  const date = new Date(Number(ns / 1_000_000n));
  const minutes = -date.getTimezoneOffset();
  const local = new Date(date.getTime() + minutes * 60_000).toISOString().slice(0, 19);
  const two = (value: number): string => String(value).padStart(2, "0");
  const zone = `${minutes < 0 ? "-" : "+"}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
  return `${local}.${String(ns % 1_000_000_000n).padStart(9, "0")}${minutes === 0 ? "Z" : zone}`;
}
