/**
 * Making a container: its settings are checked and completed from the image, its file system is prepared as a snapshot on top
 * of the image, its directory made, its record stored. Any failure leaves nothing.
 */
import { mkdir, rm } from "node:fs/promises";
import { hostname as machineName } from "node:os";
import { EngineError } from "../../base/errors.ts";
import { newId, shortId } from "../../base/ids.ts";
import { Rollback } from "../../base/rollback.ts";
import type { EngineContext } from "../engine-context.ts";
import type { ContainerSpec } from "../container-spec.ts";
import type { Image } from "../image.ts";
import { resolveCapabilities } from "../oci/capabilities.ts";
import { containerMounts } from "../oci/mounts.ts";
import type { ContainerEntry } from "./container-entry.ts";
import type { ContainerRecord, Inherited } from "./container-record.ts";
import { initialEndpoints } from "./container-networks.ts";
import { resolveLinks } from "./links.ts";
import { randomName, validateName } from "./names.ts";
import { parseSignal } from "./signals.ts";

export async function createContainer(context: EngineContext, spec: ContainerSpec): Promise<ContainerEntry> {
  const { registry } = context;
  const id = newId();
  const name = spec.name === undefined ? randomName((text) => registry.hasName(text)) : validateName(spec.name);
  await using rollback = new Rollback();
  registry.reserveName(name, id);
  rollback.add("name", () => registry.releaseName(name, id));
  const image = await context.images.find(spec.image);
  const links = resolveLinks(registry, spec.links);
  const linked = links.length === 0 ? spec : { ...spec, links };
  const record = newRecord({ id, name, spec: linked, image, createdNs: context.options.clock.nowNs() });
  validate(context, record);
  await prepareSnapshot(context, id, image);
  rollback.add("snapshot", async () => {
    await context.containerd.client.snapshots.remove(context.snapshotter, id);
  });
  const entry = registry.add(record);
  rollback.add("record", () => registry.remove(entry));
  rollback.add("directory", () => rm(entry.directory, { recursive: true, force: true }));
  await mkdir(entry.directory, { recursive: true, mode: 0o710 });
  rollback.commit();
  registry.emit(entry, "create");
  return entry;
}

function newRecord(parts: {
  readonly id: string;
  readonly name: string;
  readonly spec: ContainerSpec;
  readonly image: Image;
  readonly createdNs: bigint;
}): ContainerRecord {
  const { id, name, image, createdNs } = parts;
  const spec = { ...parts.spec, endpoints: initialEndpoints(parts.spec) };
  const labels = { ...image.config.labels, ...spec.labels };
  return {
    id,
    name,
    createdNs,
    spec: { ...spec, labels },
    imageId: image.id,
    commandLine: commandLineOf(spec, image),
    hostname: spec.hostname ?? (spec.network.kind === "host" || spec.utsMode === "host" ? machineName() : shortId(id)),
    inherited: inherit(spec, image),
    state: { status: "created" },
    restartCount: 0,
    manuallyStopped: false,
  };
}

/** A given entrypoint makes the image's command void; a given command replaces the image's. */
function commandLineOf(spec: ContainerSpec, image: Image): readonly string[] {
  const entrypoint = spec.entrypoint ?? image.config.entrypoint ?? [];
  const command = spec.command ?? (spec.entrypoint === undefined ? (image.config.command ?? []) : []);
  // An entrypoint of one empty text takes the image's away.
  const line = [...entrypoint.filter((part, index) => index > 0 || part !== ""), ...command];
  if (line.length === 0) throw new EngineError("invalid-argument", "no command specified");
  return line;
}

function inherit(spec: ContainerSpec, { config }: Image): Inherited {
  const chosen = (own: string | undefined, inherited: string | undefined): string =>
    own === undefined || own === "" ? (inherited ?? "") : own;
  const workingDirectory = chosen(spec.workingDirectory, config.workingDirectory);
  if (workingDirectory !== "" && !workingDirectory.startsWith("/")) {
    const text = `the working directory '${workingDirectory}' is invalid, it needs to be an absolute path`;
    throw new EngineError("invalid-argument", text);
  }
  return {
    imageEnvironment: config.environment ?? [],
    workingDirectory: workingDirectory === "" ? "/" : workingDirectory,
    user: chosen(spec.user, config.user),
    stopSignal: chosen(spec.stopSignal, config.stopSignal),
  };
}

/** Whatever would make every start fail is refused now. */
function validate(context: EngineContext, { spec, inherited }: ContainerRecord): void {
  resolveCapabilities({ privileged: spec.privileged, ...spec.capabilities });
  containerMounts({ spec, volumePath: context.volumePath });
  if (inherited.stopSignal !== "") parseSignal(inherited.stopSignal);
  if (spec.autoRemove && spec.restartPolicy.name !== "no") {
    throw new EngineError("invalid-argument", "can't create 'AutoRemove' container with restart policy");
  }
}

async function prepareSnapshot(context: EngineContext, id: string, image: Image): Promise<void> {
  const parent = context.images.snapshotOf(image);
  await context.containerd.client.snapshots.prepare({
    snapshotter: context.snapshotter,
    key: id,
    parent,
    // Nothing in containerd points to it while the container does not run.
    labels: { "containerd.io/gc.root": new Date(context.options.clock.now()).toISOString() },
  });
}
