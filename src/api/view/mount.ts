/** A container's mounts in inspect and list (Docker API v1.51, `container.MountPoint`). */
import type { MountSpec } from "../../engine/container-spec.ts";

/** `dataRoot` is where the engine keeps volumes; without it (in lists) a volume's source is left empty. */
export function mountView(mount: MountSpec, dataRoot?: string) {
  const volume = dataRoot === undefined ? "" : `${dataRoot}/volumes/${mount.source}/_data`;
  return {
    Type: mount.type,
    ...(mount.type === "volume" ? { Name: mount.source } : {}),
    Source: mount.type === "volume" ? volume : mount.source,
    Destination: mount.target,
    ...(mount.type === "volume" ? { Driver: "local" } : {}),
    Mode: "",
    RW: !mount.readOnly,
    Propagation: mount.type === "bind" ? (mount.propagation ?? "rprivate") : "",
  };
}
