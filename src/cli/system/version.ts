/** `causeway version` and `causeway info`: what runs on both ends. */
import { readFileSync } from "node:fs";
import { asBoolean, asList, asNumber, asObject, asText, type JsonObject } from "../client/json-access.ts";
import { printLine } from "../context.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import { text } from "../flags/option-spec.ts";
import { binarySize } from "../format/human.ts";
import { compile, run } from "../format/list-format.ts";

const FORMAT = text("format,f", "Format output: json or a Go template");

export const version: CommandSpec = {
  name: "version",
  usage: "[OPTIONS]",
  summary: "Show the version information of client and server",
  arguments: [0, 0],
  options: [FORMAT],
  examples: ["causeway version --format '{{.Server.Version}}'"],
  run: async (context, _args, flags) => {
    const server = asObject(await context.api.json("GET", "/version"));
    const client = { Version: ownVersion(), ApiVersion: await context.api.version(), NodeVersion: process.version };
    const format = flags.text("format") ?? "";
    if (format !== "") {
      printLine(
        context,
        run(compile(format === "json" ? "{{json .}}" : format, {}, 64), { Client: client, Server: server }),
      );
      return;
    }
    const lines = [
      "Client:",
      ...pairs([
        ["Version", client.Version],
        ["API version", client.ApiVersion],
        ["Node version", client.NodeVersion],
      ]),
    ];
    printLine(context, [...lines, "", "Server:", ...serverLines(server)].join("\n"));
  },
};

/** The package's version, from the package.json above this file, in the source and in the build alike. */
function ownVersion(): string {
  const file = new URL("../../../package.json", import.meta.url);
  return asText(asObject(JSON.parse(readFileSync(file, "utf8")))["version"]);
}

function serverLines(server: JsonObject): string[] {
  const api = `${asText(server["ApiVersion"])} (minimum version ${asText(server["MinAPIVersion"])})`;
  const engine = pairs([
    ["Version", asText(server["Version"])],
    ["API version", api],
    ["OS/Arch", `${asText(server["Os"])}/${asText(server["Arch"])}`],
    ["Kernel version", asText(server["KernelVersion"])],
  ]);
  const components = asList(server["Components"]).map(asObject);
  return [...engine, ...components.map((part) => ` ${asText(part["Name"])}: ${asText(part["Version"])}`)];
}

export const info: CommandSpec = {
  name: "info",
  usage: "[OPTIONS]",
  summary: "Display system-wide information",
  arguments: [0, 0],
  options: [FORMAT],
  examples: ["causeway info", "causeway info --format '{{.Containers}} {{.Driver}}'"],
  run: async (context, _args, flags) => {
    const server = asObject(await context.api.json("GET", "/info"));
    const format = flags.text("format") ?? "";
    if (format === "") printLine(context, infoLines(server).join("\n"));
    else printLine(context, run(compile(format === "json" ? "{{json .}}" : format, {}, 64), server));
  },
};

function infoLines(server: JsonObject): string[] {
  const plugins = asObject(server["Plugins"]);
  const networks = asList(plugins["Network"]).map(asText).join(" ");
  const firewall = asText(asObject(server["FirewallBackend"])["Driver"]);
  const pools = asList(server["DefaultAddressPools"]).map(asObject);
  return [
    "Server:",
    ` Containers: ${asNumber(server["Containers"])}`,
    `  Running: ${asNumber(server["ContainersRunning"])}`,
    `  Paused: ${asNumber(server["ContainersPaused"])}`,
    `  Stopped: ${asNumber(server["ContainersStopped"])}`,
    ` Images: ${asNumber(server["Images"])}`,
    ` Server Version: ${asText(server["ServerVersion"])}`,
    ` Storage Driver: ${asText(server["Driver"])}`,
    " Plugins:",
    `  Network: ${networks}`,
    ...(firewall === "" ? [] : [` Firewall Backend: ${firewall}`]),
    ` Kernel Version: ${asText(server["KernelVersion"])}`,
    ` Operating System: ${asText(server["OperatingSystem"])}`,
    ` OSType: ${asText(server["OSType"])}`,
    ` Architecture: ${asText(server["Architecture"])}`,
    ` CPUs: ${asNumber(server["NCPU"])}`,
    ` Total Memory: ${binarySize(asNumber(server["MemTotal"]))}`,
    ` Name: ${asText(server["Name"])}`,
    ` ID: ${asText(server["ID"])}`,
    ` Root Dir: ${asText(server["DockerRootDir"])}`,
    ` Live Restore Enabled: ${asBoolean(server["LiveRestoreEnabled"])}`,
    ...(pools.length === 0 ? [] : [" Default Address Pools:"]),
    ...pools.map((pool) => `   Base: ${asText(pool["Base"])}, Size: ${asNumber(pool["Size"])}`),
    ...asList(server["Warnings"]).map(asText),
  ];
}

function pairs(entries: readonly (readonly [name: string, value: string])[]): string[] {
  return entries.map(([name, value]) => ` ${`${name}:`.padEnd(18)}${value}`);
}
