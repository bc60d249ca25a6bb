/** The network mode as `HostConfig.NetworkMode` spells it. */
import type { NetworkMode } from "../../engine/container-spec.ts";

export function networkModeText(mode: NetworkMode): string {
  switch (mode.kind) {
    case "network":
      return mode.name;
    case "container":
      return `container:${mode.reference}`;
    case "host":
    case "none":
      return mode.kind;
  }
}
