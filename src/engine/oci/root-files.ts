/**
 * Reads a file of a container's root file system without mounting it: the snapshot's layers are looked through from the top,
 * as overlayfs would (a 0:0 character device hides what is below). Symbolic links are followed by hand inside the root, so
 * that an image cannot point us at a file of the host. Not seen: opaque directories, whose marks are extended attributes.
 */
import { constants, lstatSync, openSync, closeSync, readFileSync, readlinkSync, type Stats } from "node:fs";
import { join } from "node:path";
import type { Mount } from "../containerd/messages.ts";

const MAX_LINKS = 40;
/** /etc/passwd of a big site is under this. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Host directories of the layers of a snapshot, topmost first. */
export function layerDirectories(mounts: readonly Mount[]): readonly string[] {
  return mounts.flatMap((mount) => {
    if (mount.type !== "overlay") return [mount.source];
    const option = (name: string): string[] =>
      mount.options.filter((text) => text.startsWith(`${name}=`)).map((text) => text.slice(name.length + 1));
    return [...option("upperdir"), ...option("lowerdir").flatMap((text) => text.split(":"))];
  });
}

/** The text of the file at absolute `path` in the container; undefined when there is none, or it is no regular file. */
export function readRootFile(layers: readonly string[], path: string): string | undefined {
  let links = 0;
  let resolved = "";
  const rest = path.split("/");
  for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      resolved = resolved.slice(0, Math.max(0, resolved.lastIndexOf("/")));
      continue;
    }
    const found = find(layers, `${resolved}/${part}`);
    if (found === undefined || ++links > MAX_LINKS * 2) return undefined;
    if (found.stats.isSymbolicLink()) {
      const target = readlinkSync(found.host);
      if (target.startsWith("/")) resolved = "";
      rest.unshift(...target.split("/"));
    } else {
      resolved = `${resolved}/${part}`;
      if (rest.every((name) => name === "")) return read(found.host, found.stats);
    }
  }
  return undefined;
}

function find(layers: readonly string[], path: string): { host: string; stats: Stats } | undefined {
  for (const layer of layers) {
    const host = join(layer, path);
    const stats = lstatSync(host, { throwIfNoEntry: false });
    if (stats === undefined) continue;
    return stats.isCharacterDevice() && stats.rdev === 0 ? undefined : { host, stats };
  }
  return undefined;
}

function read(host: string, stats: Stats): string | undefined {
  if (!stats.isFile() || stats.size > MAX_BYTES) return undefined;
  const fd = openSync(host, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    return readFileSync(fd, "utf8");
  } finally {
    closeSync(fd);
  }
}
