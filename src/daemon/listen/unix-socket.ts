/**
 * A listening unix socket: mode 0660 from its first moment, owned by a group if there is one. A socket file that nobody
 * answers on is replaced; one that somebody answers on is left alone and refused.
 */
import { chownSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import type { Server } from "node:net";
import { dirname } from "node:path";
import { EngineError } from "../../base/errors.ts";
import { removeStaleSocket } from "../../base/socket-file.ts";

export interface SocketGroup {
  readonly name: string;
  /** The user named it: its absence is an error. */
  readonly required: boolean;
}

/** Makes `server` listen on the path. Throws `conflict` while another process does. */
export async function listenOnPath(server: Server, path: string, group: SocketGroup): Promise<void> {
  const gid = groupId(group);
  await removeStaleSocket(path, `another daemon listens on ${path}; stop it, or give this one another -H`);
  mkdirSync(dirname(path), { recursive: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  // The file is made inside this call: the mask leaves no moment in which others may connect.
  const before = process.umask(0o117);
  try {
    server.listen(path, resolve);
  } finally {
    process.umask(before);
  }
  await promise;
  server.off("error", reject);
  if (gid !== undefined) chownSync(path, 0, gid);
}

function groupId(group: SocketGroup): number | undefined {
  if (group.name === "") return undefined;
  const numeric = /^\d+$/.test(group.name) ? Number(group.name) : undefined;
  const id = numeric ?? groupFromFile(group.name);
  if (id === undefined && group.required) throw new EngineError("invalid-argument", `group ${group.name} not found`);
  return id;
}

/** From /etc/group (group(5)): `name:password:id:members`. */
function groupFromFile(name: string): number | undefined {
  const text = existsSync("/etc/group") ? readFileSync("/etc/group", "utf8") : "";
  const line = text.split("\n").find((one) => one.startsWith(`${name}:`));
  const id = line?.split(":")[2];
  return id === undefined ? undefined : Number(id);
}
