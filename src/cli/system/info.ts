/** `causeway info`: the daemon and its host, line for line as docker prints them. */
import { asBoolean, asList, asNumber, asObject, asText, asTextMap, type JsonObject } from "../client/json-access.ts";
import { printError, printLine, type CliContext } from "../context.ts";
import { CliFailure } from "../failure.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import { text } from "../flags/option-spec.ts";
import { binarySize } from "../format/human.ts";
import { compile, run } from "../format/list-format.ts";
import { clientFacts } from "./client-facts.ts";

export const info: CommandSpec = {
  name: "info",
  usage: "[OPTIONS]",
  summary: "Display system-wide information",
  arguments: [0, 0],
  options: [text("format,f", "Format output: json or a Go template")],
  examples: ["causeway info", "causeway info --format '{{.Containers}} {{.Driver}}'"],
  run: async (context, _args, flags) => {
    const format = flags.text("format") ?? "";
    if (format === "") return printInfo(context);
    const template = compile(format === "json" ? "{{json .}}" : format, {}, 64);
    const server = asObject(await context.api.json("GET", "/info"));
    const client = { Debug: false, ...clientFacts(await context.api.version()), Plugins: [], Warnings: null };
    printLine(context, run(template, { ...server, ClientInfo: client }));
  },
};

/** The client's part also when there is no daemon. */
async function printInfo(context: CliContext): Promise<void> {
  const { Version, Context } = clientFacts();
  printLine(context, `Client:\n Version:    ${Version}\n Context:    ${Context}\n Debug Mode: false\n\nServer:`);
  try {
    const server = asObject(await context.api.json("GET", "/info"));
    printLine(context, `${serverLines(server).join("\n")}\n`);
    for (const warning of asList(server["Warnings"])) printError(context, asText(warning));
  } catch (cause) {
    if (!(cause instanceof CliFailure)) throw cause;
    throw new CliFailure(`ERROR: ${cause.message}\nerrors pretty printing info`, 1, { cause });
  }
}

function serverLines(server: JsonObject): string[] {
  return [
    ` Containers: ${asNumber(server["Containers"])}`,
    `  Running: ${asNumber(server["ContainersRunning"])}`,
    `  Paused: ${asNumber(server["ContainersPaused"])}`,
    `  Stopped: ${asNumber(server["ContainersStopped"])}`,
    ` Images: ${asNumber(server["Images"])}`,
    ...known(server, [["Server Version", "ServerVersion"]]),
    ...known(server, [["Storage Driver", "Driver"]]),
    ...asList(server["DriverStatus"]).map((pair) => `  ${asList(pair).map(asText).join(": ")}`),
    ...known(server, [
      ["Logging Driver", "LoggingDriver"],
      ["Cgroup Driver", "CgroupDriver"],
      ["Cgroup Version", "CgroupVersion"],
    ]),
    ...pluginLines(asObject(server["Plugins"])),
    ...block("CDI spec directories", asList(server["CDISpecDirs"]).map(asText)),
    ` Swarm: ${asText(asObject(server["Swarm"])["LocalNodeState"])}`,
    ...runtimeLines(server),
    ...hostLines(server),
    ...settingLines(server),
  ];
}

/** Lines of the fields that are not empty. */
function known(server: JsonObject, fields: readonly (readonly [label: string, field: string])[]): string[] {
  const filled = fields.filter(([, field]) => asText(server[field]) !== "");
  return filled.map(([label, field]) => ` ${label}: ${asText(server[field])}`);
}

function pluginLines(plugins: JsonObject): string[] {
  const names = (kind: string): string => asList(plugins[kind]).map(asText).join(" ");
  const authorization = names("Authorization");
  return [
    " Plugins:",
    `  Volume: ${names("Volume")}`,
    `  Network: ${names("Network")}`,
    ...(authorization === "" ? [] : [`  Authorization: ${authorization}`]),
    `  Log: ${names("Log")}`,
  ];
}

function runtimeLines(server: JsonObject): string[] {
  const runtimes = Object.keys(asObject(server["Runtimes"])).sort();
  const commit = (field: string): string => asText(asObject(server[field])["ID"]);
  return [
    ...(runtimes.length === 0 ? [] : [` Runtimes: ${runtimes.join(" ")}`]),
    ...(runtimes.length === 0 ? [] : [` Default Runtime: ${asText(server["DefaultRuntime"])}`]),
    ` Init Binary: ${asText(server["InitBinary"])}`,
    ` containerd version: ${commit("ContainerdCommit")}`,
    ` runc version: ${commit("RuncCommit")}`,
    ` init version: ${commit("InitCommit")}`,
    ...block(
      "Security Options",
      asList(server["SecurityOptions"]).flatMap((option) => securityLines(asText(option))),
    ),
  ];
}

/** `name=seccomp,profile=builtin`; before API 1.13 the bare name. */
function securityLines(option: string): string[] {
  const fields = new Map(option.split(",").map((field) => [field.split("=")[0], field.split("=")[1]]));
  const profile = fields.get("profile");
  return [fields.get("name") ?? option, ...(profile === undefined ? [] : [` Profile: ${profile}`])];
}

function hostLines(server: JsonObject): string[] {
  return [
    ...known(server, [
      ["Kernel Version", "KernelVersion"],
      ["Operating System", "OperatingSystem"],
      ["OSType", "OSType"],
      ["Architecture", "Architecture"],
    ]),
    ` CPUs: ${asNumber(server["NCPU"])}`,
    ` Total Memory: ${binarySize(asNumber(server["MemTotal"]))}`,
    ...known(server, [
      ["Name", "Name"],
      ["ID", "ID"],
    ]),
    ` Docker Root Dir: ${asText(server["DockerRootDir"])}`,
    ` Debug Mode: ${asBoolean(server["Debug"])}`,
    ...(asBoolean(server["Debug"]) ? debugLines(server) : []),
    ...known(server, [
      ["HTTP Proxy", "HttpProxy"],
      ["HTTPS Proxy", "HttpsProxy"],
      ["No Proxy", "NoProxy"],
    ]),
  ];
}

function debugLines(server: JsonObject): string[] {
  return [
    `  File Descriptors: ${asNumber(server["NFd"])}`,
    `  Goroutines: ${asNumber(server["NGoroutines"])}`,
    `  System Time: ${asText(server["SystemTime"])}`,
    `  EventsListeners: ${asNumber(server["NEventsListener"])}`,
  ];
}

function settingLines(server: JsonObject): string[] {
  const registries = asObject(server["RegistryConfig"]);
  const indexes = Object.values(asObject(registries["IndexConfigs"])).map(asObject);
  const insecure = indexes.filter((index) => !asBoolean(index["Secure"])).map((index) => asText(index["Name"]));
  const ranges = asList(registries["InsecureRegistryCIDRs"]).map(asText);
  const pools = asList(server["DefaultAddressPools"]).map(asObject);
  const firewall = asTextMap(server["FirewallBackend"])["Driver"] ?? "";
  return [
    ...block("Labels", asList(server["Labels"]).map(asText)),
    ` Experimental: ${asBoolean(server["ExperimentalBuild"])}`,
    ...known(server, [
      ["Cluster Store", "ClusterStore"],
      ["Cluster Advertise", "ClusterAdvertise"],
    ]),
    ...(indexes.length + ranges.length > 0 ? [" Insecure Registries:"] : []),
    ...[...insecure, ...ranges].map((registry) => `  ${registry}`),
    ...block("Registry Mirrors", asList(registries["Mirrors"]).map(asText)),
    ` Live Restore Enabled: ${asBoolean(server["LiveRestoreEnabled"])}`,
    ...known(server, [["Product License", "ProductLicense"]]),
    ...(pools.length === 0 ? [] : [" Default Address Pools:"]),
    ...pools.map((pool) => `   Base: ${asText(pool["Base"])}, Size: ${asNumber(pool["Size"])}`),
    ...(firewall === "" ? [] : [` Firewall Backend: ${firewall}`]),
  ];
}

function block(label: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [` ${label}:`, ...lines.map((line) => `  ${line}`)];
}
