/**
 * The client's own words, kept with the container so that inspect gives them back: `{Config, HostConfig}`. Config is shown
 * merged with the image's, as Docker shows it.
 */
import type { ImageConfig } from "../../engine/image.ts";
import type { Json } from "../../store/store.ts";
import type { ContainerCreateRequest } from "../schema/container-bodies.ts";
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
  const host = {
    ...HostConfig,
    NetworkMode: shownMode(HostConfig?.NetworkMode),
    RestartPolicy: shownPolicy(HostConfig),
  };
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

function shownMode(mode: string | undefined): string {
  return mode === undefined || mode === "" || mode === "default" ? "bridge" : mode;
}

function shownPolicy(host: ContainerCreateRequest["HostConfig"]) {
  const { Name, MaximumRetryCount = 0 } = host?.RestartPolicy ?? {};
  return { Name: Name || "no", MaximumRetryCount };
}
