/** `causeway port`: where a container's ports are published. */
import { asList, asObject, asText, type JsonObject } from "../client/json-access.ts";
import { printLine } from "../context.ts";
import { CliFailure } from "../failure.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import { compareNaturally } from "../format/natural-order.ts";
import { containerPath } from "./watch.ts";

export const port: CommandSpec = {
  name: "port",
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  summary: "List port mappings or a specific mapping for the container",
  arguments: [1, 2],
  options: [],
  examples: ["causeway port c1", "causeway port c1 80/tcp"],
  run: async (context, [name = "", wanted = ""]) => {
    const container = asObject(await context.api.json("GET", containerPath(name, "/json")));
    const ports = asObject(asObject(container["NetworkSettings"])["Ports"]);
    const lines = wanted === "" ? allPlaces(ports) : placesOf(ports, wanted, name);
    if (lines.length > 0) printLine(context, lines.toSorted(compareNaturally).join("\n"));
  },
};

function allPlaces(ports: JsonObject): readonly string[] {
  return Object.entries(ports).flatMap(([port, bindings]) =>
    asList(bindings).map((binding) => `${port} -> ${placeOf(asObject(binding))}`),
  );
}

/** Throws CliFailure with docker's sentences. */
function placesOf(ports: JsonObject, wanted: string, name: string): readonly string[] {
  const [number = "", protocol = ""] = wanted.split("/", 2);
  if (!/^\d+$/.test(number) || Number(number) > 65535) throw invalidPort(number);
  const bindings = asList(ports[`${number}/${protocol === "" ? "tcp" : protocol}`]);
  if (bindings.length === 0) throw new CliFailure(`Error: No public port '${wanted}' published for ${name}`);
  return bindings.map((binding) => placeOf(asObject(binding)));
}

/** As Go's number parser says it. */
function invalidPort(text: string): CliFailure {
  const why = /^\d+$/.test(text) ? "value out of range" : "invalid syntax";
  return new CliFailure(`Error: invalid port (${text}): strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`);
}

function placeOf(binding: JsonObject): string {
  const [address, port] = [asText(binding["HostIp"]), asText(binding["HostPort"])];
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
