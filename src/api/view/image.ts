/** Images in Docker's shape (API v1.51, `image.Summary` and `image.InspectResponse`). */
import { formatTimeNs } from "../../base/clock.ts";
import type { Image, ImageConfig } from "../../engine/image.ts";

export function imageSummary(image: Image, containers: number) {
  return {
    Containers: containers,
    Created: seconds(image),
    Id: image.id,
    Labels: image.config.labels ?? null,
    ParentId: "",
    RepoDigests: [],
    RepoTags: image.references,
    SharedSize: -1,
    Size: image.size,
  };
}

export function imageInspect(image: Image) {
  return {
    Id: image.id,
    RepoTags: image.references,
    RepoDigests: [],
    Parent: "",
    Comment: image.comment,
    Created: formatTimeNs(image.createdNs),
    DockerVersion: "",
    Author: image.author ?? "",
    Config: imageConfigView(image.config),
    Architecture: image.architecture,
    Os: image.os,
    Size: image.size,
    GraphDriver: { Data: null, Name: "overlayfs" },
    RootFS: { Type: "layers", Layers: image.layers },
    Metadata: { LastTagTime: formatTimeNs(undefined) },
  };
}

export function imageHistory(image: Image) {
  return [
    {
      Comment: image.comment,
      Created: seconds(image),
      CreatedBy: "",
      Id: image.id,
      Size: image.size,
      Tags: image.references.length === 0 ? null : image.references,
    },
  ];
}

function seconds(image: Image): number {
  return Number(image.createdNs / 1_000_000_000n);
}

function imageConfigView(config: ImageConfig) {
  return {
    Hostname: "",
    Domainname: "",
    User: config.user ?? "",
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    ...(config.exposedPorts === undefined ? {} : { ExposedPorts: goSet(config.exposedPorts) }),
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: config.environment ?? null,
    Cmd: config.command ?? null,
    Image: "",
    Volumes: config.volumes === undefined ? null : goSet(config.volumes),
    WorkingDir: config.workingDirectory ?? "",
    Entrypoint: config.entrypoint ?? null,
    OnBuild: config.onBuild ?? null,
    Labels: config.labels ?? null,
    ...(config.stopSignal === undefined ? {} : { StopSignal: config.stopSignal }),
  };
}

/** Go's `map[string]struct{}` in JSON. */
export function goSet(keys: readonly string[]): Record<string, Record<string, never>> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}
