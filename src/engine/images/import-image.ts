/**
 * One tar stream becomes an image of one layer: the layer is stored and unpacked into a snapshot, then config and manifest
 * are written, then the name. Everything is made under a lease, so that garbage collection eats nothing half-made, and
 * everything that a failed import left.
 */
import { createHash, randomBytes } from "node:crypto";
import type { Readable } from "node:stream";
import type { Clock } from "../../base/clock.ts";
import type { ContainerdClient } from "../containerd/client.ts";
import { writeBlob } from "../containerd/content-store.ts";
import type { Descriptor } from "../containerd/messages.ts";
import type { ImageConfig } from "../image.ts";
import { decompress } from "./decompress.ts";
import { unpackLayer } from "./layer-unpack.ts";
import { MEDIA_TYPES, encodeConfig, encodeManifest, type NewImage } from "./oci-image.ts";

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
  const { client, snapshotter } = context;
  return withLease(context, async (lease) => {
    const layer = await writeBlob(client, decompress(tar), { mediaType: MEDIA_TYPES.layer, lease });
    await unpackLayer(client, layer, { snapshotter, parent: "", name: layer.digest, lease });
    const document = { ...options, diffIds: [layer.digest] };
    const imported = await writeDocuments(context, [layer], { document, lease });
    await name(imported);
    return imported;
  });
}

/** What `make` makes under the lease is kept from garbage collection until it has ended. */
export async function withLease<T>(context: ImportContext, make: (lease: string) => Promise<T>): Promise<T> {
  const { client } = context;
  const lease = `causeway-import-${randomBytes(8).toString("hex")}`;
  await client.leases.create(lease, new Date(context.clock.now() + LEASE_MS).toISOString());
  try {
    return await make(lease);
  } finally {
    await client.leases.delete(lease).catch(() => undefined);
  }
}

/** Config and manifest of an image whose layers are stored; both are given to garbage collection's care by their labels. */
export async function writeDocuments(
  context: ImportContext,
  layers: readonly Descriptor[],
  options: { readonly document: NewImage; readonly lease: string },
): Promise<Imported> {
  const { client, snapshotter, clock } = context;
  const { document, lease } = options;
  const bytes = encodeConfig({
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    os: "linux",
    createdNs: clock.nowNs(),
    ...document,
  });
  const config = await writeBlob(client, [bytes], {
    mediaType: MEDIA_TYPES.config,
    lease,
    labels: { [`containerd.io/gc.ref.snapshot.${snapshotter}`]: chainId(document.diffIds) },
  });
  const references = layers.map(({ digest }, index) => [`containerd.io/gc.ref.content.l.${index}`, digest] as const);
  const target = await writeBlob(client, [encodeManifest(config, layers)], {
    mediaType: MEDIA_TYPES.manifest,
    lease,
    labels: { "containerd.io/gc.ref.content.config": config.digest, ...Object.fromEntries(references) },
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
