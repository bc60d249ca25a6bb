/**
 * `docker commit`: what a container's file system has become, and how it is run, as a new image. The container is frozen
 * meanwhile, so that files are whole; it may also be stopped.
 */
import { EngineError } from "../../base/errors.ts";
import type { EngineContext } from "../engine-context.ts";
import type { CommitOptions } from "../engine.ts";
import type { Image, ImageConfig } from "../image.ts";
import { mergeEnvironment } from "../oci/container-config.ts";
import type { ContainerEntry } from "./container-entry.ts";
import type { ContainerRecord } from "./container-record.ts";

/** Throws `conflict` for a container that is being removed, and what storing the image throws. */
export async function commitContainer(
  context: EngineContext,
  entry: ContainerEntry,
  options: CommitOptions,
): Promise<Image> {
  const { images, locks, registry } = context;
  const image = await locks.run(entry.id, async () => {
    const { record } = entry;
    if (record.state.status === "removing") {
      throw new EngineError("conflict", `You cannot commit container ${entry.id} which is being removed`);
    }
    const base = await images.find(record.imageId);
    const config = options.change(runConfig(record, base.config));
    const { comment, author, reference } = options;
    const parts = { config, comment, author, snapshotKey: entry.id, createdBy: record.commandLine.join(" ") };
    return frozen(context, entry, options.pause, () =>
      images.commit(record.imageId, { ...parts, ...(reference === undefined ? {} : { reference }) }),
    );
  });
  const attributes = { comment: options.comment, imageID: image.id, imageRef: options.reference ?? "" };
  registry.emit(entry, "commit", attributes);
  return image;
}

/** A container that runs stands still while `body` does; one that is paused stays so. */
async function frozen<T>(
  { containerd }: EngineContext,
  entry: ContainerEntry,
  pause: boolean,
  body: () => Promise<T>,
): Promise<T> {
  if (!pause || entry.record.state.status !== "running") return body();
  await containerd.client.tasks.pause(entry.id);
  try {
    return await body();
  } finally {
    await containerd.client.tasks.resume(entry.id);
  }
}

/** What the container is run with, as the config of an image. Mounts and networks are the container's own affair. */
function runConfig({ spec, inherited }: ContainerRecord, image: ImageConfig): ImageConfig {
  const { entrypoint = image.entrypoint, command = spec.entrypoint === undefined ? image.command : undefined } = spec;
  const workingDirectory = spec.workingDirectory ?? image.workingDirectory;
  const { user, stopSignal } = inherited;
  return {
    ...image,
    environment: mergeEnvironment(inherited.imageEnvironment, spec.environment),
    labels: spec.labels,
    exposedPorts: spec.exposedPorts,
    ...(command === undefined ? {} : { command }),
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(workingDirectory === undefined ? {} : { workingDirectory }),
    ...(user === "" ? {} : { user }),
    ...(stopSignal === "" ? {} : { stopSignal }),
  };
}
