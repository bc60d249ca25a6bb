/** From a layer's blob to the committed snapshot that containers start from, named by the chain of layers up to it. */
import { randomBytes } from "node:crypto";
import { EngineError, messageOf } from "../../base/errors.ts";
import type { ContainerdClient } from "../containerd/client.ts";
import type { Descriptor } from "../containerd/messages.ts";

export interface UnpackPlace {
  readonly snapshotter: string;
  /** Snapshot of the layers below; "" for none. */
  readonly parent: string;
  /** ChainID up to this layer. */
  readonly name: string;
  readonly lease: string;
}

/** Accepts that the snapshot is there already. Throws `invalid-argument` when the layer cannot be unpacked. */
export async function unpackLayer(client: ContainerdClient, layer: Descriptor, place: UnpackPlace): Promise<void> {
  const { snapshotter, parent, name, lease } = place;
  const key = `extract-${randomBytes(8).toString("hex")}`;
  const mounts = await client.snapshots.prepare({ snapshotter, key, parent, labels: {} }, { lease });
  try {
    await client.applyLayer(layer, mounts, lease);
    await client.snapshots.commit({ snapshotter, name, key }, { lease });
  } catch (cause) {
    await client.snapshots.remove(snapshotter, key).catch(() => undefined);
    if (cause instanceof EngineError && cause.code === "conflict") return;
    const code = cause instanceof EngineError && cause.code === "unavailable" ? "unavailable" : "invalid-argument";
    throw new EngineError(code, `unpack layer: ${messageOf(cause)}`, { cause });
  }
}
