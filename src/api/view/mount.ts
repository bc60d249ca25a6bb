/** A container's mounts in inspect and list (Docker API v1.51, `container.MountPoint`). */
import type { MountSpec } from "../../engine/container-spec.ts";

export function mountView(mount: MountSpec) {
  return {
    Type: mount.type,
    ...(mount.type === "volume" ? { Name: mount.source } : {}),
    Source: mount.source,
    Destination: mount.target,
    ...(mount.type === "volume" ? { Driver: "local" } : {}),
    Mode: "",
    RW: !mount.readOnly,
    Propagation: mount.type === "bind" ? (mount.propagation ?? "rprivate") : "",
  };
}
