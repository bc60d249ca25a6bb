/**
 * `HostConfig.NetworkMode` to the engine's network mode, and the options that contradict it, with dockerd's sentences
 * (moby `internal/runconfig/hostconfig_unix.go` and `hostconfig.go`).
 */
import { EngineError } from "../../base/errors.ts";
import type { NetworkMode } from "../../engine/container-spec.ts";
import type { ContainerCreateRequest } from "../schema/container-bodies.ts";

const UNDEFINED_BEHAVIOUR = "This would result in undefined behavior";

/** Empty and `default` are the default bridge. Throws `invalid-argument`. */
export function parseNetworkMode(text: string | undefined): NetworkMode {
  if (text === undefined || text === "" || text === "default") return { kind: "network", name: "bridge" };
  if (text === "host" || text === "none") return { kind: text };
  if (text !== "container" && !text.startsWith("container:")) return { kind: "network", name: text };
  const reference = text.slice("container:".length);
  if (reference === "") {
    throw new EngineError("invalid-argument", "invalid network mode: invalid container format container:<name|id>");
  }
  return { kind: "container", reference };
}

/** Throws `invalid-argument` when the request contradicts its network mode. */
export function validateNetworkMode(mode: NetworkMode, request: ContainerCreateRequest, minor: number): void {
  const conflict = conflictOf(mode, request, minor);
  if (conflict !== undefined) throw new EngineError("invalid-argument", `conflicting options: ${conflict}`);
}

function conflictOf(mode: NetworkMode, request: ContainerCreateRequest, minor: number): string | undefined {
  const links = (request.HostConfig?.Links ?? []).length > 0;
  if (mode.kind === "container") return containerModeConflict(request);
  if (mode.kind === "host" && links) return `host type networking can't be used with links. ${UNDEFINED_BEHAVIOUR}`;
  const fixedMac = minor < 44 && (request.MacAddress ?? "") !== "";
  if (fixedMac && mode.kind !== "network") return "mac-address and the network mode";
  return undefined;
}

function containerModeConflict(request: ContainerCreateRequest): string | undefined {
  const host = request.HostConfig ?? {};
  const some = (list: readonly unknown[] | undefined): boolean => (list ?? []).length > 0;
  if ((request.Hostname ?? "") !== "") return "hostname and the network mode";
  if (some(host.Links)) return `container type network can't be used with links. ${UNDEFINED_BEHAVIOUR}`;
  if (some(host.Dns)) return "dns and the network mode";
  if (some(host.ExtraHosts)) return "custom host-to-IP mapping and the network mode";
  if (some(Object.keys(host.PortBindings ?? {})) || host.PublishAllPorts === true) {
    return "port publishing and the container type network mode";
  }
  if (some(request.ExposedPorts)) return "port exposing and the container type network mode";
  return (request.MacAddress ?? "") === "" ? undefined : "mac-address and the network mode";
}
