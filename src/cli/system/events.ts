/** `causeway events`: what happens in the daemon, as it happens. */
import { messageOf } from "../../base/errors.ts";
import { asBigInt, asObject, asText, asTextMap, type JsonObject } from "../client/json-access.ts";
import { readJsonLines } from "../client/json-lines.ts";
import { parseTimestamp } from "../container/timestamps.ts";
import { CliFailure } from "../failure.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import { checkFilter, encodeFilters } from "../flags/filters.ts";
import { list, text } from "../flags/option-spec.ts";
import { formatFixedNanoseconds } from "../format/go-time.ts";
import { run } from "../format/list-format.ts";
import { Template } from "../template/evaluate.ts";
import { formatJson } from "../template/go-print.ts";

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
    const template = format === "" || format === "json" ? undefined : compileFormat(format);
    const [since, until] = [flags.text("since"), flags.text("until")];
    const query = {
      since: since === undefined ? undefined : parseTimestamp(since),
      until: until === undefined ? undefined : parseTimestamp(until),
      filters: encodeFilters(flags.list("filter")),
    };
    for await (const json of readJsonLines(await api.stream("GET", "/events", { query }))) {
      const event = ordered(asObject(json));
      const line = template === undefined ? undefined : run(template, event);
      stdout.write(`${line ?? (format === "json" ? formatJson(event) : describe(event))}\n`);
    }
  },
};

function compileFormat(format: string): Template {
  try {
    return new Template(format);
  } catch (cause) {
    throw new CliFailure(`Error parsing format: ${messageOf(cause)}`, 64, { cause });
  }
}

/** A map of docker's prints in the order of its keys. */
function ordered(event: JsonObject): JsonObject {
  const actor = asObject(event["Actor"]);
  const attributes = Object.entries(asObject(actor["Attributes"])).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...event, Actor: { ...actor, Attributes: Object.fromEntries(attributes) } };
}

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
  const moment = asBigInt(event["timeNano"]) || asBigInt(event["time"]) * 1_000_000_000n;
  return `${formatFixedNanoseconds(moment)} ${type} ${action} ${id}${suffix}`;
}
