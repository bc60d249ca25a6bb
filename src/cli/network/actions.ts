/** `causeway network inspect`, `rm`, `connect`, `disconnect` and `prune`. */
import { text as readText } from "node:stream/consumers";
import { ApiError } from "../client/api-client.ts";
import { asList, asObject, asText } from "../client/json-access.ts";
import { confirm } from "../confirm.ts";
import { printError, printLine, type CliContext } from "../context.ts";
import { CliFailure } from "../failure.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import type { FlagValues } from "../flags/flag-values.ts";
import { encodeFilters } from "../flags/filters.ts";
import { toMap } from "../flags/key-values.ts";
import { integer, list, text, toggle } from "../flags/option-spec.ts";
import { inspectAll } from "../format/inspect-output.ts";
import type { Json } from "../../store/store.ts";
import { commaSeparated } from "./create.ts";
import { networkView } from "./view.ts";

export const networkInspect: CommandSpec = {
  name: "inspect",
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  summary: "Display detailed information on one or more networks",
  arguments: [1, Infinity],
  options: [
    text("format,f", "Format output: json or a Go template"),
    toggle("verbose,v", "Verbose output for diagnostics"),
  ],
  examples: [
    "causeway network inspect backend",
    "causeway network inspect -f '{{range .Containers}}{{.Name}} {{end}}' backend",
  ],
  run: async (context, names, flags) => {
    const query = { verbose: flags.isOn("verbose") ? "true" : undefined };
    await inspectAll(context, names, flags.text("format") ?? "", async (name) => ({
      text: await readText(await context.api.stream("GET", `/networks/${encodeURIComponent(name)}`, { query })),
      view: networkView,
    }));
  },
};

export const networkRemove: CommandSpec = {
  name: "rm",
  aliases: ["remove"],
  usage: "NETWORK [NETWORK...]",
  summary: "Remove one or more networks",
  arguments: [1, Infinity],
  options: [toggle("force,f", "Do not error if the network does not exist")],
  examples: ["causeway network rm backend", "causeway network rm -f backend frontend"],
  run: async (context, names, flags) => {
    let failed = false;
    for (const name of names) {
      const error = await removeNetwork(context, name);
      if (error === undefined) printLine(context, name);
      else if (!(flags.isOn("force") && error instanceof ApiError && error.status === 404)) {
        printError(context, error.message);
        failed = true;
      }
    }
    if (failed) throw new CliFailure("exit status 1");
  },
};

async function removeNetwork({ api }: CliContext, name: string): Promise<CliFailure | undefined> {
  try {
    await api.json("DELETE", `/networks/${encodeURIComponent(name)}`);
    return undefined;
  } catch (error) {
    if (error instanceof CliFailure) return error;
    throw error;
  }
}

export const networkConnect: CommandSpec = {
  name: "connect",
  usage: "[OPTIONS] NETWORK CONTAINER",
  summary: "Connect a container to a network",
  arguments: [2, 2],
  options: [
    list("alias", "Add network-scoped alias for the container", { value: "name" }),
    list("driver-opt", "Driver options for the network", { value: "key=value" }),
    integer("gw-priority", "Highest gw-priority provides the default gateway"),
    text("ip", 'IPv4 address (e.g., "172.30.100.104")'),
    text("ip6", 'IPv6 address (e.g., "2001:db8::33")'),
    list("link", "Add link to another container", { value: "name:alias" }),
    list("link-local-ip", "Add a link-local address for the container", { value: "address" }),
  ],
  examples: ["causeway network connect frontend c2", "causeway network connect --ip 10.9.0.7 --alias db frontend c2"],
  run: async ({ api }, [network = "", container = ""], flags) => {
    const path = `/networks/${encodeURIComponent(network)}/connect`;
    await api.json("POST", path, { body: { Container: container, EndpointConfig: endpointConfig(flags) } });
  },
};

function endpointConfig(flags: FlagValues): Json {
  const linkLocal = commaSeparated(flags.list("link-local-ip"));
  return {
    IPAMConfig: {
      IPv4Address: flags.text("ip") ?? "",
      IPv6Address: flags.text("ip6") ?? "",
      LinkLocalIPs: linkLocal,
    },
    Links: [...flags.list("link")],
    Aliases: commaSeparated(flags.list("alias")),
    DriverOpts: toMap(commaSeparated(flags.list("driver-opt"))),
    GwPriority: flags.number("gw-priority") ?? 0,
  };
}

export const networkDisconnect: CommandSpec = {
  name: "disconnect",
  usage: "[OPTIONS] NETWORK CONTAINER",
  summary: "Disconnect a container from a network",
  arguments: [2, 2],
  options: [toggle("force,f", "Force the container to disconnect from a network")],
  examples: ["causeway network disconnect frontend c2"],
  run: async ({ api }, [network = "", container = ""], flags) => {
    const path = `/networks/${encodeURIComponent(network)}/disconnect`;
    await api.json("POST", path, { body: { Container: container, Force: flags.isOn("force") } });
  },
};

const WARNING =
  "WARNING! This will remove all custom networks not used by at least one container.\nAre you sure you want to continue?";

export const networkPrune: CommandSpec = {
  name: "prune",
  usage: "[OPTIONS]",
  summary: "Remove all unused networks",
  arguments: [0, 0],
  options: [
    list("filter", 'Provide filter values (e.g. "until=<timestamp>")', { value: "filter" }),
    toggle("force,f", "Do not prompt for confirmation"),
  ],
  examples: ["causeway network prune", "causeway network prune --force --filter until=24h"],
  run: async (context, _args, flags) => {
    if (!flags.isOn("force") && !(await confirm(context, WARNING))) return;
    const query = { filters: encodeFilters(flags.list("filter")) };
    const answer = asObject(await context.api.json("POST", "/networks/prune", { query }));
    const deleted = asList(answer["NetworksDeleted"]).map(asText);
    if (deleted.length > 0) printLine(context, `Deleted Networks:\n${deleted.join("\n")}\n`);
  },
};
