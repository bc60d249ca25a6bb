/**
 * The client's own words, kept with the container so that inspect gives them back: `{Config, HostConfig}`. Config is shown
 * merged with the image's, as Docker shows it.
 */
import type { ImageConfig } from "../../engine/image.ts";
import type { Json } from "../../store/store.ts";
import type { ContainerCreateRequest, HostConfigRequest } from "../schema/container-bodies.ts";
import { toJson } from "../schema/json-value.ts";
import { goSet } from "../view/image.ts";

export function clientDocument(
  request: ContainerCreateRequest,
  image: ImageConfig,
  exposedPorts: readonly string[],
): Json {
  const { HostConfig, NetworkingConfig: _networking, ...config } = request;
  const ports = [...new Set([...exposedPorts, ...(image.exposedPorts ?? [])])];
  const volumes = [...new Set([...(config.Volumes ?? []), ...(image.volumes ?? [])])];
  const merged = {
    ...config,
    ...commandOf(request, image),
    ExposedPorts: ports.length === 0 ? undefined : goSet(ports),
    Volumes: volumes.length === 0 ? undefined : goSet(volumes),
    User: config.User || image.user,
    WorkingDir: config.WorkingDir || image.workingDirectory,
    Env: mergeEnvironment(image.environment ?? [], config.Env ?? []),
    Labels: { ...image.labels, ...config.Labels },
    OnBuild: config.OnBuild ?? image.onBuild,
    StopSignal: config.StopSignal || image.stopSignal,
  };
  const host = { ...HostConfig, ...settledHostConfig(HostConfig ?? {}) };
  return toJson({ Config: merged, HostConfig: host });
}

/** An entrypoint of one's own drops the image's command. */
function commandOf(request: ContainerCreateRequest, image: ImageConfig) {
  const own = request.Entrypoint !== undefined && request.Entrypoint.length > 0;
  const command = (request.Cmd ?? []).length > 0 ? request.Cmd : own ? undefined : image.command;
  return { Cmd: command, Entrypoint: own ? request.Entrypoint : image.entrypoint };
}

/** The image's variables first, replaced by those of the same name. */
function mergeEnvironment(image: readonly string[], own: readonly string[]): readonly string[] | undefined {
  const named = new Map([...image, ...own].map((line) => [line.split("=", 1)[0], line]));
  return named.size === 0 ? undefined : [...named.values()];
}

/** What the daemon settles where a client leaves it open, so that inspect shows what holds. */
function settledHostConfig(host: HostConfigRequest) {
  const { NetworkMode: mode, RestartPolicy: policy, MemorySwappiness: swappiness = -1, PidsLimit: pids = 0 } = host;
  return {
    NetworkMode: mode === undefined || mode === "" || mode === "default" ? "bridge" : mode,
    RestartPolicy: { Name: policy?.Name || "no", MaximumRetryCount: policy?.MaximumRetryCount ?? 0 },
    LogConfig: { Type: host.LogConfig?.Type || "json-file", Config: host.LogConfig?.Config ?? {} },
    CgroupnsMode: host.CgroupnsMode || undefined,
    IpcMode: host.IpcMode || undefined,
    ShmSize: host.ShmSize || undefined,
    Runtime: host.Runtime || undefined,
    MemorySwappiness: swappiness < 0 ? undefined : swappiness,
    PidsLimit: pids <= 0 ? undefined : pids,
  };
}
