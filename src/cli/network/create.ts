/** `causeway network create`. */
import { asObject, asText } from "../client/json-access.ts";
import { printError, printLine, type CliContext } from "../context.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import type { FlagValues } from "../flags/flag-values.ts";
import { toMap } from "../flags/key-values.ts";
import { list, text, toggle } from "../flags/option-spec.ts";
import type { Json } from "../../store/store.ts";
import { groupIpam } from "./ipam-config.ts";

export const networkCreate: CommandSpec = {
  name: "create",
  usage: "[OPTIONS] NETWORK",
  summary: "Create a network",
  arguments: [1, 1],
  options: [
    toggle("attachable", "Enable manual container attachment"),
    list("aux-address", "Auxiliary IPv4 or IPv6 addresses used by the driver", { value: "name=address" }),
    text("config-from", "The network from which to copy the configuration"),
    toggle("config-only", "Create a configuration only network"),
    text("driver,d", 'Driver to manage the network (default "bridge")'),
    list("gateway", "IPv4 or IPv6 gateway for the subnet", { value: "address" }),
    toggle("ingress", "Create swarm routing-mesh network"),
    toggle("internal", "Restrict external access to the network"),
    list("ip-range", "Allocate container addresses from a sub-range", { value: "cidr" }),
    text("ipam-driver", 'IP address management driver (default "default")'),
    list("ipam-opt", "Set IPAM driver specific options", { value: "key=value" }),
    toggle("ipv4", "Enable or disable IPv4 address assignment", { on: true }),
    toggle("ipv6", "Enable or disable IPv6 address assignment"),
    list("label", "Set metadata on a network", { value: "key=value" }),
    list("opt,o", "Set driver specific options", { value: "key=value" }),
    text("scope", "Control the network's scope"),
    list("subnet", "Subnet in CIDR format", { value: "cidr" }),
  ],
  examples: [
    "causeway network create backend",
    "causeway network create --subnet 10.9.0.0/16 --ip-range 10.9.5.0/24 --gateway 10.9.0.1 frontend",
  ],
  run: async (context, [name = ""], flags) => createNetwork(context, name, flags),
};

async function createNetwork(context: CliContext, name: string, flags: FlagValues): Promise<void> {
  const answer = asObject(await context.api.json("POST", "/networks/create", { body: createBody(name, flags) }));
  const warning = asText(answer["Warning"]);
  if (warning !== "") printError(context, `WARNING: ${warning}`);
  printLine(context, asText(answer["Id"]));
}

/** What `POST /networks/create` wants. Throws CliFailure for addresses that do not fit together. */
export function createBody(name: string, flags: FlagValues): Json {
  const pools = groupIpam({
    subnets: commaSeparated(flags.list("subnet")),
    ranges: commaSeparated(flags.list("ip-range")),
    gateways: commaSeparated(flags.list("gateway")),
    auxiliary: toMap(flags.list("aux-address")),
  });
  return {
    Name: name,
    Driver: flags.text("driver") ?? "bridge",
    Scope: flags.text("scope") ?? "",
    ...(flags.given("ipv4") ? { EnableIPv4: flags.isOn("ipv4") } : {}),
    ...(flags.given("ipv6") ? { EnableIPv6: flags.isOn("ipv6") } : {}),
    IPAM: {
      Driver: flags.text("ipam-driver") ?? "default",
      Options: toMap(flags.list("ipam-opt")),
      Config: pools.map((pool): Json => ({ ...pool })),
    },
    Internal: flags.isOn("internal"),
    Attachable: flags.isOn("attachable"),
    Ingress: flags.isOn("ingress"),
    ConfigOnly: flags.isOn("config-only"),
    ConfigFrom: flags.given("config-from") ? { Network: flags.text("config-from") ?? "" } : null,
    Options: toMap(flags.list("opt")),
    Labels: toMap(flags.list("label")),
  };
}

/** Flags that pflag calls a string slice: several values in one, between commas. */
export function commaSeparated(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(","));
}
