/**
 * Sysctls as users write them, turned into paths under /proc/sys: `net.*` of `docker run --sysctl`, and the endpoint option
 * `com.docker.network.endpoint.sysctls`, whose keys say IFNAME where the interface's name belongs. Only what is per network
 * namespace is let through; errors are Docker's sentences.
 */
import { EngineError } from "../base/errors.ts";

/** A comma list of `net.ipv4.conf.IFNAME.key=value`. */
export const ENDPOINT_SYSCTLS_OPTION = "com.docker.network.endpoint.sysctls";

/** `net.core.somaxconn` to `net/core/somaxconn`. Like sysctl(8), a key whose first separator is a slash is a path already. */
export function namespaceSysctlKey(key: string): string {
  const path = /^[^./]*\//.test(key) ? key : key.replaceAll(".", "/");
  if (!/^net(\/[^/\s]+)+$/.test(path) || path.split("/").some((part) => part === ".." || part === "."))
    throw new EngineError("invalid-argument", `sysctl ${JSON.stringify(key)} is not a setting of a network namespace`);
  return path;
}

/** The sysctls that an endpoint's options ask for on its interface. Throws `invalid-argument` with Docker's text. */
export function interfaceSysctls(
  options: Readonly<Record<string, string>>,
  interfaceName: string,
): { readonly key: string; readonly value: string }[] {
  const list = options[ENDPOINT_SYSCTLS_OPTION] ?? "";
  return list === "" ? [] : list.split(",").map((item) => parseInterfaceSysctl(item, interfaceName));
}

function parseInterfaceSysctl(item: string, interfaceName: string): { key: string; value: string } {
  const match = /^net\.(ipv4|ipv6|mpls)\.([a-z0-9_-]+)\.(?:IFNAME|ifname)\.([a-z0-9_.-]+)=(.*)$/.exec(item);
  const [, protocol, group, setting, value] = match ?? [];
  if (protocol === undefined || group === undefined || setting === undefined || setting.includes(".."))
    throw new EngineError(
      "invalid-argument",
      `unrecognised network interface sysctl '${item}'; represent 'net.X.Y.ethN.Z=V' as 'net.X.Y.IFNAME.Z=V', ` +
        `'X' must be 'ipv4', 'ipv6' or 'mpls'`,
    );
  return { key: `net/${protocol}/${group}/${interfaceName}/${setting.replaceAll(".", "/")}`, value: value ?? "" };
}
