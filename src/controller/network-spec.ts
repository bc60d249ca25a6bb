/**
 * From what a caller asks of a new network to its intent, before anything is leased: names, configuration-only networks and
 * those made from one, defaults. Messages and their order are moby's (`daemon/network.go`, `libnetwork/network.go`). Pure
 * over the registry.
 */
import { EngineError } from "../base/errors.ts";
import { newId } from "../base/ids.ts";
import type { Driver } from "../drivers/driver.ts";
import type { NetworkIntent, PoolIntent } from "../drivers/intent.ts";
import { validatePools } from "../ipam/validate.ts";
import type { NetworkSpec, PoolSpec } from "./cnm.ts";
import { present } from "../store/record-reader.ts";
import type { World } from "./world.ts";

/** Names that mean a predefined network, whether it exists or not. */
export const PREDEFINED_NAMES = new Set(["bridge", "host", "none", "default"]);

const DEFAULT_DRIVER = "bridge";
const DEFAULT_IPAM = "default";
const ENABLE_IPV4 = "com.docker.network.enable_ipv4";
const ENABLE_IPV6 = "com.docker.network.enable_ipv6";

/**
 * The intent of the network asked for; its pools are what was asked, not leased yet. Throws EngineErrors with Docker's
 * sentences.
 */
export function networkIntent(world: World, spec: NetworkSpec): NetworkIntent {
  checkName(world, spec.name);
  const base =
    spec.configFrom === undefined
      ? ownConfiguration(withDefaultOptions(world, spec))
      : fromConfiguration(world, spec, spec.configFrom);
  if (spec.configOnly === true) checkConfigOnly(spec);
  const driver = spec.configOnly === true ? undefined : world.driver(spec.driver ?? DEFAULT_DRIVER);
  world.ipamDriver(base.ipamDriver);
  const scope = networkScope(spec.scope, driver);
  return {
    ...base,
    id: newId(),
    name: spec.name,
    driver: driver?.name ?? "null",
    createdNs: world.clock.nowNs(),
    scope,
    ...(scope === "global" && world.cluster === undefined ? { unshared: true } : {}),
    internal: spec.internal ?? false,
    attachable: spec.attachable ?? false,
    ingress: spec.ingress ?? false,
    configOnly: spec.configOnly ?? false,
    pools: driver?.capabilities.addresses === false ? [] : base.pools,
    predefined: false,
  };
}

/** Throws `forbidden`, `invalid-argument` or `conflict`: the name cannot be a new network's. */
export function checkName(world: World, name: string): void {
  if (PREDEFINED_NAMES.has(name)) {
    throw new EngineError("forbidden", `operation is not permitted on predefined ${name} network `);
  }
  if (name.trim() === "") throw new EngineError("invalid-argument", "invalid name: name is empty");
  if (world.registry.networkByName(name) !== undefined) {
    throw new EngineError("conflict", `network with name ${name} already exists`);
  }
}

/** The part of an intent that a configuration-only network carries for others. */
type Configuration = Pick<
  NetworkIntent,
  "enableIPv4" | "enableIPv6" | "labels" | "options" | "ipamDriver" | "ipamOptions" | "pools" | "configFrom"
>;

/** `--default-network-opt`: only what was not asked for otherwise. */
function withDefaultOptions({ settings }: World, spec: NetworkSpec): NetworkSpec {
  const defaults = settings.networkOptions?.get(spec.driver ?? DEFAULT_DRIVER);
  return defaults === undefined ? spec : { ...spec, options: { ...defaults, ...spec.options } };
}

function ownConfiguration(spec: NetworkSpec): Configuration {
  const { options = {}, labels = {}, ipam = {} } = spec;
  const enableIPv4 = spec.enableIPv4 ?? flagOption(options, ENABLE_IPV4) ?? true;
  const enableIPv6 = spec.enableIPv6 ?? flagOption(options, ENABLE_IPV6) ?? false;
  const pools = (ipam.pools ?? []).filter(({ family }) => (family === 4 ? enableIPv4 : enableIPv6));
  validatePools(pools, { enableIPv6 });
  return present({
    enableIPv4,
    enableIPv6,
    labels,
    options,
    ipamDriver: ipam.driver === undefined || ipam.driver === "" ? DEFAULT_IPAM : ipam.driver,
    ipamOptions: ipam.options,
    pools: pools.map(requestedPool),
  });
}

function requestedPool(pool: PoolSpec): PoolIntent {
  return { ...pool, auxiliary: pool.auxiliary ?? {} };
}

/** Go's `strconv.ParseBool`, which Docker reads these two options with. */
function flagOption(options: Readonly<Record<string, string>>, key: string): boolean | undefined {
  const text = options[key];
  if (text === undefined) return undefined;
  if (/^(1|t|T|TRUE|true|True)$/.test(text)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(text)) return false;
  throw new EngineError("invalid-argument", `driver-opt "${key}" is not a valid bool`);
}

function fromConfiguration(world: World, spec: NetworkSpec, configFrom: string): Configuration {
  if (spec.configOnly === true) {
    throw new EngineError("forbidden", "a configuration network cannot depend on another configuration network");
  }
  if (hasOwnConfiguration(spec)) throw dependsOnConfiguration("user-specified configurations");
  if (Object.keys(spec.options ?? {}).length > 0) throw dependsOnConfiguration("network driver options");
  const config = world.registry.networkByName(configFrom)?.intent;
  if (config?.configOnly !== true) {
    throw new EngineError("not-found", `configuration network "${configFrom}" does not exist`);
  }
  const { enableIPv4, enableIPv6, labels, options, ipamDriver, ipamOptions, pools } = config;
  return present({ enableIPv4, enableIPv6, labels, options, ipamDriver, ipamOptions, pools, configFrom });
}

function hasOwnConfiguration({ enableIPv4, enableIPv6, labels = {}, ipam = {} }: NetworkSpec): boolean {
  const { driver = DEFAULT_IPAM, options = {}, pools = [] } = ipam;
  return (
    enableIPv4 === true ||
    enableIPv6 === true ||
    Object.keys(labels).length > 0 ||
    (driver !== "" && driver !== DEFAULT_IPAM) ||
    Object.keys(options).length > 0 ||
    pools.length > 0
  );
}

function dependsOnConfiguration(what: string): EngineError {
  return new EngineError("forbidden", `${what} are not supported if the network depends on a configuration network`);
}

function checkConfigOnly({ ingress, internal, attachable, scope = "" }: NetworkSpec): void {
  if (ingress !== true && internal !== true && attachable !== true && scope === "") return;
  throw new EngineError(
    "forbidden",
    "configuration network can only contain network specific fields. " +
      "Network operator fields like [ ingress | internal | attachable | scope ] are not supported.",
  );
}

function networkScope(asked: string | undefined, driver: Driver | undefined): NetworkIntent["scope"] {
  const scope = driver?.capabilities.scope ?? "local";
  if (asked === undefined || asked === "" || asked === scope) return scope;
  if (asked === "local") {
    throw new EngineError("forbidden", `cannot downgrade network scope for ${driver?.name ?? ""} networks`);
  }
  throw new EngineError("not-implemented", `networks of scope "${asked}" are not available yet`);
}
