/**
 * Names of interfaces inside a sandbox: the endpoint's own choice (`com.docker.network.endpoint.ifname`), else the network's
 * prefix and the lowest number that is free in this sandbox, so that eth0, eth1, ... have no holes for longer than needed.
 */
import { EngineError } from "../base/errors.ts";

/** Endpoint option that names the interface; it wins over the network's prefix. */
export const INTERFACE_NAME_OPTION = "com.docker.network.endpoint.ifname";

/** IFNAMSIZ less the closing zero. */
const MAX_NAME_BYTES = 15;

/**
 * The name for a new interface. `taken` are the names in use in the sandbox; `lo` always is. Throws `invalid-argument` when
 * the name asked for is not one that the kernel takes, `conflict` when it is taken.
 */
export function chooseInterfaceName(
  prefix: string,
  options: Readonly<Record<string, string>>,
  taken: Iterable<string>,
): string {
  const used = new Set(taken).add("lo");
  const asked = options[INTERFACE_NAME_OPTION];
  if (asked === undefined || asked === "") return lowestFree(prefix, used);
  if (!isInterfaceName(asked))
    throw new EngineError("invalid-argument", `invalid interface name: ${JSON.stringify(asked)}`);
  if (used.has(asked)) throw new EngineError("conflict", `interface name ${asked} is already in use in this container`);
  return asked;
}

function lowestFree(prefix: string, used: ReadonlySet<string>): string {
  for (let number = 0; ; number++) {
    const name = `${prefix}${number}`;
    if (!isInterfaceName(name))
      throw new EngineError("invalid-argument", `invalid interface name: ${JSON.stringify(name)}`);
    if (!used.has(name)) return name;
  }
}

/** Whether the kernel accepts the text as a link name (`dev_valid_name`): no slash, colon or white space, 1 to 15 bytes. */
export function isInterfaceName(name: string): boolean {
  return (
    Buffer.byteLength(name) <= MAX_NAME_BYTES &&
    /^[^\s/:\0]+$/.test(name) &&
    !name.includes("%") &&
    !/^\.\.?$/.test(name)
  );
}
