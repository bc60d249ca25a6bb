/** `causeway version`: what runs on both ends, in docker's layout. */
import { asList, asObject, asText, asTextMap, type JsonObject } from "../client/json-access.ts";
import { printLine, type CliContext } from "../context.ts";
import { CliFailure } from "../failure.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import { text } from "../flags/option-spec.ts";
import { formatAnsi } from "../format/go-time.ts";
import { compile, run } from "../format/list-format.ts";
import { clientFacts } from "./client-facts.ts";

export const version: CommandSpec = {
  name: "version",
  usage: "[OPTIONS]",
  summary: "Show the version information of client and server",
  arguments: [0, 0],
  options: [text("format,f", "Format output: json or a Go template")],
  examples: ["causeway version --format '{{.Server.Version}}'"],
  run: async (context, _args, flags) => {
    const format = flags.text("format") ?? "";
    const template = format === "" ? undefined : compile(format === "json" ? "{{json .}}" : format, {}, 64);
    const { server, failure } = await askServer(context);
    const apiVersion = failure === undefined ? await context.api.version() : undefined;
    const client = clientFacts(apiVersion);
    if (template === undefined) printLine(context, [...clientLines(client), ...serverLines(server)].join("\n"));
    else printLine(context, run(template, { Client: client, Server: server ?? null }));
    if (failure !== undefined) throw failure;
  },
};

interface Answer {
  readonly server?: JsonObject;
  readonly failure?: CliFailure;
}

/** A daemon that does not answer is no reason to keep the client's version. */
async function askServer({ api }: CliContext): Promise<Answer> {
  try {
    return { server: withEngine(asObject(await api.json("GET", "/version"))) };
  } catch (failure) {
    if (failure instanceof CliFailure) return { failure };
    throw failure;
  }
}

/** Old daemons do not name the engine among the components. */
function withEngine(server: JsonObject): JsonObject {
  const components = asList(server["Components"]).map(asObject);
  const known = components.some((component) => component["Name"] === "Engine");
  const { ApiVersion, MinAPIVersion, GitCommit, GoVersion, Os, Arch, BuildTime } = asTextMap(server);
  const experimental = String(server["Experimental"] === true);
  const details = { ApiVersion, MinAPIVersion, GitCommit, GoVersion, Os, Arch, BuildTime, Experimental: experimental };
  const present = Object.fromEntries(Object.entries(details).map(([key, value]) => [key, value ?? ""]));
  const engine = { Name: "Engine", Version: asText(server["Version"]), Details: present };
  return { ...server, Components: (known ? components : [...components, engine]).map(withBuildDate) };
}

function withBuildDate(component: JsonObject): JsonObject {
  const details = asObject(component["Details"]);
  if (component["Name"] !== "Engine" || details["BuildTime"] === undefined) return component;
  return { ...component, Details: { ...details, BuildTime: formatAnsi(asText(details["BuildTime"])) } };
}

function clientLines(client: Readonly<Record<string, string>>): string[] {
  const { Version = "", ApiVersion = "", DefaultAPIVersion = "", GoVersion = "", Os, Arch, Context = "" } = client;
  const downgraded = ApiVersion === DefaultAPIVersion ? "" : ` (downgraded from ${DefaultAPIVersion})`;
  return [
    "Client:",
    ...pairs(1, [
      ["Version", Version],
      ["API version", `${ApiVersion}${downgraded}`],
      ["Go version", GoVersion],
      ["OS/Arch", `${Os}/${Arch}`],
      ["Context", Context],
    ]),
  ];
}

function serverLines(server: JsonObject | undefined): string[] {
  if (server === undefined) return [];
  const platform = asText(asObject(server["Platform"])["Name"]);
  const components = asList(server["Components"]).map(asObject);
  return ["", `Server:${platform === "" ? "" : ` ${platform}`}`, ...components.flatMap(componentLines)];
}

function componentLines(component: JsonObject): string[] {
  const name = asText(component["Name"]);
  const details = asTextMap(component["Details"]);
  const own = name === "Engine" ? engineDetails(details) : Object.entries(details).sort(([a], [b]) => (a < b ? -1 : 1));
  return [` ${name}:`, ...pairs(2, [["Version", asText(component["Version"])], ...own])];
}

function engineDetails(details: Readonly<Record<string, string>>): (readonly [name: string, value: string])[] {
  const { ApiVersion = "", MinAPIVersion = "", GoVersion = "", GitCommit = "", BuildTime = "" } = details;
  return [
    ["API version", `${ApiVersion} (minimum version ${MinAPIVersion})`],
    ["Go version", GoVersion],
    ["Git commit", GitCommit],
    ["Built", BuildTime],
    ["OS/Arch", `${details["Os"] ?? ""}/${details["Arch"] ?? ""}`],
    ["Experimental", details["Experimental"] ?? ""],
  ];
}

/** The value begins in the column that docker's does. */
function pairs(indent: number, entries: readonly (readonly [name: string, value: string])[]): string[] {
  return entries.map(([name, value]) => `${" ".repeat(indent)}${name}: `.padEnd(20) + value);
}
