/** What users say to us through dockerd: options of networks and of their address management. */
import { EngineError } from "../../base/errors.ts";

/** The network's name in the cluster: with `--ipam-opt`, or with `-o` where the subnet is given. */
export const NETWORK_OPTION = "causeway.network";

/** `bridge` or `overlay`, with `-o`; with `--ipam-opt` too where the subnet is to be ours. */
export const DRIVER_OPTION = "causeway.driver";

export type DriverName = "bridge" | "overlay";

/** Undefined where nothing is said. Throws `invalid-argument`. */
export function checkDriver(driver: string | undefined): DriverName | undefined {
  if (driver === undefined || driver === "bridge" || driver === "overlay") return driver;
  throw new EngineError("invalid-argument", `${DRIVER_OPTION}=${driver}: drivers are bridge and overlay`);
}

/** Docker's rule for names. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/;

/** Undefined where nothing is said. Throws `invalid-argument`. */
export function checkNetworkName(name: string | undefined): string | undefined {
  if (name === undefined || NAME.test(name)) return name;
  throw new EngineError(
    "invalid-argument",
    `${NETWORK_OPTION}=${JSON.stringify(name)}: a network's name has letters, digits, _, . and -`,
  );
}

/** Options as text, our own left out: what remains is the driver's. */
export function driverOptions(options: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const others = Object.entries(options).filter(([key]) => !key.startsWith("causeway."));
  return Object.fromEntries(others.map(([key, value]) => [key, String(value)]));
}

export function textOption(options: Readonly<Record<string, unknown>>, key: string): string | undefined {
  const value = options[key];
  return typeof value === "string" ? value : undefined;
}
