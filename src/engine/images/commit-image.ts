/**
 * A container's file system becomes an image: what differs from the container's image is one more layer on top of that
 * image's. The places where runc mounted things (the kernel's file systems, the sandbox's three /etc files) are no part of
 * it: what is there came from the mounting, not from the container.
 */
import { randomBytes } from "node:crypto";
import type { ContainerdClient } from "../containerd/client.ts";
import { readBlob, readWholeBlob, writeBlob } from "../containerd/content-store.ts";
import { absentIsFine } from "../containerd/grpc-errors.ts";
import type { Descriptor, Mount } from "../containerd/messages.ts";
import type { ImageConfig } from "../image.ts";
import { chainId, withLease, writeDocuments, type ImportContext, type Imported } from "./import-image.ts";
import { unpackLayer } from "./layer-unpack.ts";
import { configDigestOf, decodeConfig, historyOf, layersOf, MEDIA_TYPES } from "./oci-image.ts";
import { filterTar } from "./tar-filter.ts";

export interface CommitOptions {
  /** Key of the container's snapshot. */
  readonly snapshotKey: string;
  /** The config of the new image. */
  readonly config: ImageConfig;
  readonly comment: string;
  readonly author: string;
  /** The program that made the changes, for the history. */
  readonly createdBy: string;
}

const MOUNTED_FILES = new Set(["etc/hosts", "etc/hostname", "etc/resolv.conf"]);
const MOUNTED_TREES = /^(dev|proc|sys)(\/|$)/;

/** A container cannot write there: it would have written to what is mounted. */
export function isMountPoint(path: string): boolean {
  return MOUNTED_FILES.has(path) || MOUNTED_TREES.test(path);
}

/** Makes the image on top of the one whose manifest is `base`; `name` names it while the lease still holds everything. */
export async function commitLayer(
  context: ImportContext,
  base: Descriptor,
  options: CommitOptions,
  name: (imported: Imported) => Promise<void>,
): Promise<Imported> {
  const { client, snapshotter } = context;
  return withLease(context, async (lease) => {
    const manifest = await readBlob(client, base.digest);
    const below = await readBlob(client, configDigestOf(manifest));
    const parent = decodeConfig(below);
    const layer = await writeChanges(context, { ...options, parent: chainId(parent.diffIds), lease });
    const diffIds = [...parent.diffIds, layer.digest];
    const place = { snapshotter, parent: chainId(parent.diffIds), name: chainId(diffIds), lease };
    await unpackLayer(client, layer, place);
    const { config, comment, author, createdBy } = options;
    const document = { config, comment, author, createdBy, diffIds, history: historyOf(below) };
    const imported = await writeDocuments(context, [...layersOf(manifest), layer], { document, lease });
    await name(imported);
    return imported;
  });
}

interface Changes {
  readonly snapshotKey: string;
  readonly parent: string;
  readonly lease: string;
}

/** The layer of what the container changed, without what mounting left in it. */
async function writeChanges(context: ImportContext, { snapshotKey, parent, lease }: Changes): Promise<Descriptor> {
  const { client, snapshotter } = context;
  const right = await client.snapshots.mounts(snapshotter, snapshotKey);
  const whole = await withView(context, { parent, lease }, (left) =>
    client.diffLayers({ left, right, mediaType: MEDIA_TYPES.layer, ref: snapshotKey }, lease),
  );
  return writeBlob(client, filterTar(readWholeBlob(client, whole.digest), isMountPoint), {
    mediaType: MEDIA_TYPES.layer,
    lease,
  });
}

async function withView<T>(
  { client, snapshotter }: { readonly client: ContainerdClient; readonly snapshotter: string },
  { parent, lease }: { readonly parent: string; readonly lease: string },
  use: (mounts: readonly Mount[]) => Promise<T>,
): Promise<T> {
  if (parent === "") return use([]);
  const key = `view-${randomBytes(8).toString("hex")}`;
  const mounts = await client.snapshots.view({ snapshotter, key, parent, labels: {} }, { lease });
  try {
    return await use(mounts);
  } finally {
    await absentIsFine(() => client.snapshots.remove(snapshotter, key));
  }
}
