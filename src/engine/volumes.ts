/** Named volumes: directories under the data root, made when a container first names them. Their content outlives containers. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { EngineError } from "../base/errors.ts";

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** The volume's directory on the host. Throws `invalid-argument` with Docker's sentence for a bad name. */
export function volumePath(dataRoot: string, name: string): string {
  if (!NAME.test(name)) {
    const text = `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`;
    throw new EngineError("invalid-argument", text);
  }
  const path = join(dataRoot, "volumes", name, "_data");
  mkdirSync(path, { recursive: true, mode: 0o755 });
  return path;
}
