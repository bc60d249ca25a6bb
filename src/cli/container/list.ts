/** `causeway ps`. */
import { asList, asNumber, asObject, asText, asTextMap, type JsonObject } from "../client/json-access.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import { checkFilter, encodeFilters } from "../flags/filters.ts";
import { integer, list, text, toggle } from "../flags/option-spec.ts";
import { displayPorts } from "../format/displayed-ports.ts";
import { formatLocalSeconds } from "../format/go-time.ts";
import { ellipsis, humanDuration, humanSize, truncateId } from "../format/human.ts";
import { formatLabels } from "../format/labels.ts";
import { renderList, type ListStyle } from "../format/list-format.ts";
import { GoRow } from "../template/go-value.ts";

const TABLE = "{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}";
const RAW = `container_id: {{.ID}}
image: {{.Image}}
command: {{.Command}}
created_at: {{.CreatedAt}}
state: {{- pad .State 1 0}}
status: {{- pad .Status 1 0}}
names: {{.Names}}
labels: {{- pad .Labels 1 0}}
ports: {{- pad .Ports 1 0}}
`;

function style(size: boolean): ListStyle {
  return {
    headers: {
      Command: "COMMAND",
      CreatedAt: "CREATED AT",
      ID: "CONTAINER ID",
      Image: "IMAGE",
      Labels: "LABELS",
      LocalVolumes: "LOCAL VOLUMES",
      Mounts: "MOUNTS",
      Names: "NAMES",
      Networks: "NETWORKS",
      Platform: "PLATFORM",
      Ports: "PORTS",
      RunningFor: "CREATED",
      Size: "SIZE",
      State: "STATE",
      Status: "STATUS",
    },
    table: size ? `${TABLE}\t{{.Size}}` : TABLE,
    quiet: "{{.ID}}",
    raw: { full: size ? `${RAW}size: {{.Size}}\n` : RAW, quiet: "container_id: {{.ID}}" },
  };
}

export const containerList: CommandSpec = {
  name: "ps",
  aliases: [],
  usage: "[OPTIONS]",
  summary: "List containers",
  arguments: [0, 0],
  options: [
    toggle("all,a", "Show all containers (default shows just running)"),
    list("filter,f", "Filter output based on conditions provided", { value: "filter", check: checkFilter }),
    text("format", "Format output: table, table TEMPLATE, json, raw or a Go template"),
    integer("last,n", "Show n last created containers (includes all states)"),
    toggle("latest,l", "Show the latest created container (includes all states)"),
    toggle("no-trunc", "Don't truncate output"),
    toggle("quiet,q", "Only display container IDs"),
    toggle("size,s", "Display total file sizes"),
  ],
  examples: ["causeway ps -a", "causeway ps --filter network=backend --format 'table {{.Names}}\\t{{.Networks}}'"],
  run: async ({ api, stdout }, _args, flags) => {
    const format = flags.text("format") ?? "";
    const size = flags.isOn("size") || /\{\{[^}]*\.Size/.test(format);
    const limit = flags.isOn("latest") ? 1 : (flags.number("last") ?? -1);
    const filters = encodeFilters(flags.list("filter"));
    const query = { all: flags.isOn("all"), size, limit: limit > 0 ? limit : undefined, filters };
    const containers = asList(await api.json("GET", "/containers/json", { query })).map(asObject);
    const rows = containers.map((container) => containerRow(container, !flags.isOn("no-trunc")));
    stdout.write(renderList(rows, style(flags.isOn("size")), { format, quiet: flags.isOn("quiet") }));
  },
};

function containerRow(container: JsonObject, truncate: boolean): GoRow {
  const id = asText(container["Id"]);
  const labels = asTextMap(container["Labels"]);
  const created = asNumber(container["Created"]);
  const command = asText(container["Command"]);
  const mounts = asList(container["Mounts"]).map(asObject);
  const fields = {
    Command: JSON.stringify(truncate ? ellipsis(command, 20) : command),
    CreatedAt: formatLocalSeconds(created),
    ID: truncate ? truncateId(id) : id,
    Image: imageName(container, truncate),
    Labels: formatLabels(labels),
    LocalVolumes: String(mounts.filter((mount) => mount["Driver"] === "local").length),
    Mounts: mounts.map((mount) => mountName(mount, truncate)).join(","),
    Names: names(container, truncate),
    Networks: Object.keys(asObject(asObject(container["NetworkSettings"])["Networks"])).join(","),
    Platform: null,
    Ports: displayPorts(asList(container["Ports"])),
    RunningFor: `${humanDuration(Math.floor(Date.now() / 1000) - created)} ago`,
    Size: sizeOf(container),
    State: asText(container["State"]),
    Status: asText(container["Status"]),
  };
  return new GoRow("*formatter.ContainerContext", fields, {
    Label: (key) => labels[typeof key === "string" ? key : ""] ?? "",
  });
}

function imageName(container: JsonObject, truncate: boolean): string {
  const image = asText(container["Image"]);
  if (image === "") return "<no image>";
  return truncate && image === asText(container["ImageID"]) ? truncateId(image) : image;
}

/** Shortened to the container's own name, without those that links gave it. */
function names(container: JsonObject, truncate: boolean): string {
  const all = asList(container["Names"]).map((name) => asText(name).replace(/^\//, ""));
  const own = all.find((name) => !name.includes("/"));
  return truncate && own !== undefined ? own : all.join(",");
}

function mountName(mount: JsonObject, truncate: boolean): string {
  const name = asText(mount["Name"]) || asText(mount["Source"]);
  return truncate ? ellipsis(name, 15) : name;
}

function sizeOf(container: JsonObject): string {
  const [own, all] = [asNumber(container["SizeRw"]), asNumber(container["SizeRootFs"])];
  return all > 0 ? `${humanSize(own)} (virtual ${humanSize(all)})` : humanSize(own);
}
