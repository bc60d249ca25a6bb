/**
 * One tar stream becomes an image of one layer: the layer is stored and unpacked into a snapshot, then config and manifest
 * are written, then the name. Everything is made under a lease, so that garbage collection eats nothing half-made, and
 * everything that a failed import left.
 */
import { createHash, randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import { EngineError, messageOf } from "../../base/errors.ts";
import type { ContainerdClient } from "../containerd/client.ts";
import { writeBlob } from "../containerd/content-store.ts";
import type { Descriptor } from "../containerd/messages.ts";
import type { ImageConfig } from "../image.ts";
import { decompress } from "./decompress.ts";
import { MEDIA_TYPES, encodeConfig, encodeManifest } from "./oci-image.ts";

export interface ImportContext {
  readonly client: ContainerdClient;
  readonly snapshotter: string;
  readonly clock: Clock;
}

export interface Imported {
  /** Digest of the config. */
  readonly id: string;
  /** The manifest. */
  readonly target: Descriptor;
}

/** A lease that its holder never gave back ends by itself. */
const LEASE_MS = 3_600_000;
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };

/** Imports; `name` gives the image its name while the lease still holds everything. */
export async function importLayer(
  context: ImportContext,
  tar: Readable,
  options: { readonly config: ImageConfig; readonly comment: string },
  name: (imported: Imported) => Promise<void>,
): Promise<Imported> {
  const { client } = context;
  const lease = `causeway-import-${randomBytes(8).toString("hex")}`;
  await client.leases.create(lease, new Date(context.clock.now() + LEASE_MS).toISOString());
  try {
    const layer = await writeBlob(client, decompress(tar), { mediaType: MEDIA_TYPES.layer, lease });
    await unpack(context, layer, lease);
    const imported = await writeDocuments(context, layer, { ...options, lease });
    await name(imported);
    return imported;
  } finally {
    await client.leases.delete(lease).catch(() => undefined);
  }
}

/** Unpacks a layer without parents into the committed snapshot named by its digest, unless that is there. */
async function unpack(context: ImportContext, layer: Descriptor, lease: string): Promise<void> {
  const { client, snapshotter } = context;
  const key = `extract-${randomBytes(8).toString("hex")}`;
  const mounts = await client.snapshots.prepare({ snapshotter, key, parent: "", labels: {} }, { lease });
  try {
    await client.applyLayer(layer, mounts, lease);
    await client.snapshots.commit({ snapshotter, name: layer.digest, key }, { lease });
  } catch (cause) {
    await client.snapshots.remove(snapshotter, key).catch(() => undefined);
    if (cause instanceof EngineError && cause.code === "conflict") return;
    const code = cause instanceof EngineError && cause.code === "unavailable" ? "unavailable" : "invalid-argument";
    throw new EngineError(code, `unpack layer: ${messageOf(cause)}`, { cause });
  }
}

async function writeDocuments(
  context: ImportContext,
  layer: Descriptor,
  options: { readonly config: ImageConfig; readonly comment: string; readonly lease: string },
): Promise<Imported> {
  const { client, snapshotter, clock } = context;
  const { lease } = options;
  const document = encodeConfig({
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    os: "linux",
    createdNs: clock.nowNs(),
    comment: options.comment,
    config: options.config,
    diffIds: [layer.digest],
  });
  const config = await writeBlob(client, [document], {
    mediaType: MEDIA_TYPES.config,
    lease,
    labels: { [`containerd.io/gc.ref.snapshot.${snapshotter}`]: layer.digest },
  });
  const target = await writeBlob(client, [encodeManifest(config, [layer])], {
    mediaType: MEDIA_TYPES.manifest,
    lease,
    labels: {
      "containerd.io/gc.ref.content.config": config.digest,
      "containerd.io/gc.ref.content.l.0": layer.digest,
    },
  });
  return { id: config.digest, target };
}

/** OCI image-spec's ChainID: what identifies a stack of layers; snapshots are named by it. "" for none. */
export function chainId(diffIds: readonly string[]): string {
  return diffIds.reduce(
    (parent, diffId) =>
      parent === "" ? diffId : `sha256:${createHash("sha256").update(`${parent} ${diffId}`).digest("hex")}`,
    "",
  );
}
