/** `causeway network ls`. */
import { asBoolean, asList, asObject, asText, asTextMap, type JsonObject } from "../client/json-access.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import { checkFilter, encodeFilters } from "../flags/filters.ts";
import { list, text, toggle } from "../flags/option-spec.ts";
import { formatInstant } from "../format/go-time.ts";
import { truncateId } from "../format/human.ts";
import { formatLabels } from "../format/labels.ts";
import { renderList, type ListStyle } from "../format/list-format.ts";
import { compareNaturally } from "../format/natural-order.ts";
import { GoRow } from "../template/go-value.ts";

const STYLE: ListStyle = {
  headers: {
    CreatedAt: "CREATED AT",
    Driver: "DRIVER",
    ID: "NETWORK ID",
    IPv4: "IPV4",
    IPv6: "IPV6",
    Internal: "INTERNAL",
    Labels: "LABELS",
    Name: "NAME",
    Scope: "SCOPE",
  },
  table: "{{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}",
  quiet: "{{.ID}}",
  raw: {
    full: "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n",
    quiet: "network_id: {{.ID}}",
  },
};

export const networkList: CommandSpec = {
  name: "ls",
  aliases: ["list"],
  usage: "[OPTIONS]",
  summary: "List networks",
  arguments: [0, 0],
  options: [
    list("filter,f", 'Provide filter values (e.g. "driver=bridge")', { value: "filter", check: checkFilter }),
    text("format", "Format output: table, table TEMPLATE, json, raw or a Go template"),
    toggle("no-trunc", "Do not truncate the output"),
    toggle("quiet,q", "Only display network IDs"),
  ],
  examples: ["causeway network ls", "causeway network ls --filter driver=bridge --format '{{.ID}}: {{.Name}}'"],
  run: async ({ api, stdout }, _args, flags) => {
    const query = { filters: encodeFilters(flags.list("filter")) };
    const networks = asList(await api.json("GET", "/networks", { query })).map(asObject);
    networks.sort((a, b) => compareNaturally(asText(a["Name"]), asText(b["Name"])));
    const rows = networks.map((network) => networkRow(network, !flags.isOn("no-trunc")));
    stdout.write(renderList(rows, STYLE, { format: flags.text("format") ?? "", quiet: flags.isOn("quiet") }));
  },
};

function networkRow(network: JsonObject, truncate: boolean): GoRow {
  const id = asText(network["Id"]);
  const labels = asTextMap(network["Labels"]);
  const fields = {
    CreatedAt: formatInstant(asText(network["Created"])),
    Driver: asText(network["Driver"]),
    ID: truncate ? truncateId(id) : id,
    IPv4: String(asBoolean(network["EnableIPv4"])),
    IPv6: String(asBoolean(network["EnableIPv6"])),
    Internal: String(asBoolean(network["Internal"])),
    Labels: formatLabels(labels),
    Name: asText(network["Name"]),
    Scope: asText(network["Scope"]),
  };
  return new GoRow("*network.networkContext", fields, {
    Label: (key) => labels[typeof key === "string" ? key : ""] ?? "",
  });
}
