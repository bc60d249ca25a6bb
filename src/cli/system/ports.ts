/**
 * `causeway ports`: every published port of the daemon with who can really reach it, which docker cannot say. Warnings, such as
 * of a firewall that denies a port and is not asked, follow the table on stderr.
 */
import { asList, asNumber, asObject, asText, type JsonObject } from "../client/json-access.ts";
import { printError } from "../context.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import { text } from "../flags/option-spec.ts";
import { renderList, type ListStyle } from "../format/list-format.ts";
import { GoRow } from "../template/go-value.ts";

const STYLE: ListStyle = {
  headers: {
    Published: "PUBLISHED",
    Target: "TARGET",
    Container: "CONTAINER",
    Network: "NETWORK",
    By: "BY",
    ReachedBy: "REACHED BY",
    Reach: "REACH",
    Protocol: "PROTOCOL",
    Warnings: "WARNINGS",
  },
  table: "{{.Published}}\t{{.Target}}\t{{.Container}}\t{{.Network}}\t{{.By}}\t{{.ReachedBy}}",
  quiet: "{{.Published}}",
  raw: {
    full: "published: {{.Published}}\ntarget: {{.Target}}\nreached_by: {{.ReachedBy}}\n",
    quiet: "{{.Published}}",
  },
};

export const ports: CommandSpec = {
  name: "ports",
  usage: "[OPTIONS]",
  summary: "List published ports and who can really reach each",
  arguments: [0, 0],
  options: [text("format", "Format output: table, table TEMPLATE, json, raw or a Go template")],
  examples: ["causeway ports", "causeway ports --format '{{.Published}} {{.Reach}}'"],
  run: async (context, _args, flags) => {
    const exposures = asList(await context.api.json("GET", "/causeway/ports")).map(asObject);
    const format = flags.text("format") ?? "";
    context.stdout.write(renderList(exposures.map(portRow), STYLE, { format, quiet: false }));
    for (const exposure of exposures) {
      for (const warning of asList(exposure["Warnings"])) {
        printError(context, `WARNING: ${publishedText(exposure)}: ${asText(warning)}`);
      }
    }
  },
};

function portRow(exposure: JsonObject): GoRow {
  const fields = {
    Published: publishedText(exposure),
    Target: `${place(asText(exposure["ContainerIp"]), exposure["ContainerPorts"])}/${asText(exposure["Protocol"])}`,
    Container: asText(asObject(exposure["Container"])["Name"]),
    Network: asText(exposure["Network"]),
    By: asText(exposure["By"]),
    ReachedBy: asText(exposure["ReachedBy"]),
    Reach: asText(exposure["Reach"]),
    Protocol: asText(exposure["Protocol"]),
    Warnings: asList(exposure["Warnings"]).map(asText).join("; "),
  };
  return new GoRow("*causeway.PortContext", fields, {});
}

/** A container that is reached at its own address has no place on the host. */
function publishedText(exposure: JsonObject): string {
  const address = asText(exposure["HostIp"]);
  return address === "" ? "-" : place(address, exposure["HostPorts"]);
}

function place(address: string, range: JsonObject[string] | undefined): string {
  const ports = asObject(range);
  const [first, last] = [asNumber(ports["First"]), asNumber(ports["Last"])];
  return `${address.includes(":") ? `[${address}]` : address}:${first === last ? first : `${first}-${last}`}`;
}
