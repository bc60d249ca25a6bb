/** What the kernel of a host has of the networks that hosts share, by `ip` and `bridge` in the networks' own namespaces. */
import type { LabHost } from "./lab-host.ts";

const NAMESPACES = "/run/causeway/netns";

/** Files of the namespaces that networks have on the host; their names begin with a number, those of sandboxes do not. */
export async function networkNamespaces(host: LabHost): Promise<readonly string[]> {
  const names = (await host.shell(`ls ${NAMESPACES}`)).split("\n");
  return names.filter((name) => name.startsWith("1-")).map((name) => `${NAMESPACES}/${name}`);
}

export interface Tables {
  /** `02:42:.. dst 10.99.0.2 self permanent`, of every VXLAN. */
  readonly forwarding: readonly string[];
  /** `10.0.0.3 lladdr 02:42:.. PERMANENT`. */
  readonly neighbours: readonly string[];
}

/** Of all networks together, sorted; a link that is not there has none. */
export async function tablesOf(host: LabHost): Promise<Tables> {
  const look = async (command: string): Promise<readonly string[]> => {
    const namespaces = await networkNamespaces(host);
    const texts = await Promise.all(namespaces.map(async (path) => inNetwork(host, path, `${command} 2>&1 || true`)));
    const lines = texts.flatMap((text) => text.split("\n")).map((line) => line.trim());
    return lines.filter((line) => line !== "").sort();
  };
  return {
    forwarding: (await look("bridge fdb show dev vxlan0")).filter((line) => line.includes(" dst ")),
    neighbours: await look("ip neighbour show nud permanent dev vxlan0"),
  };
}

/** A shell line in a network's namespace on the host; gives what it printed. */
export async function inNetwork(host: LabHost, namespace: string, line: string): Promise<string> {
  return host.shell(`nsenter --net=${namespace} ${line}`);
}

/** Of a host that has one such network. */
export async function onlyNetwork(host: LabHost): Promise<string> {
  const [namespace, ...others] = await networkNamespaces(host);
  if (namespace === undefined || others.length > 0)
    throw new Error(`${host.name} has not one network but ${others.length + 1}`);
  return namespace;
}
