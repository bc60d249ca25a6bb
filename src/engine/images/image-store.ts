/**
 * Images in containerd: an image record per name, a manifest and a config blob, one snapshot per layer chain. The id that
 * people see is the config's digest, as Docker's. An image whose last name is taken away by another import or tag stays,
 * dangling, under a name that only we use; `remove` ends it.
 */
import type { Readable } from "node:stream";
import { EngineError } from "../../base/errors.ts";
import type { EventBus } from "../../base/event-bus.ts";
import { shortId } from "../../base/ids.ts";
import type { ContainerdClient } from "../containerd/client.ts";
import { readBlob } from "../containerd/content-store.ts";
import { absentIsFine } from "../containerd/grpc-errors.ts";
import type { Descriptor, ImageMessage } from "../containerd/messages.ts";
import type { Images } from "../engine.ts";
import type { Image, ImageConfig } from "../image.ts";
import { commitLayer, type CommitOptions } from "./commit-image.ts";
import { chainId, importLayer, type ImportContext } from "./import-image.ts";
import { configDigestOf, decodeConfig } from "./oci-image.ts";
import { familiarName, fullName, parseReference, tryParseReference } from "./reference.ts";

/** Prefix of names for images that lost their last name. */
const DANGLING = "dangling@";

/** A container that uses an image, as far as removal must know. */
export interface ImageUser {
  readonly id: string;
  readonly imageId: string;
  readonly running: boolean;
}

export interface ImageStoreOptions extends ImportContext {
  readonly events: EventBus;
  /** All containers, for refusing to remove what they use. */
  readonly users: () => readonly ImageUser[];
}

/** What an image never changes; kept per manifest, so that a list costs one call. */
interface Contents {
  readonly image: Omit<Image, "references">;
}

type Removal = { readonly untagged?: string; readonly deleted?: string };

export class ImageStore implements Images {
  readonly #options: ImageStoreOptions;
  readonly #client: ContainerdClient;
  readonly #contents = new Map<string, Contents>();

  constructor(options: ImageStoreOptions) {
    this.#options = options;
    this.#client = options.client;
  }

  async list(): Promise<readonly Image[]> {
    return [...(await this.#all()).values()].map(({ image }) => image);
  }

  async find(reference: string): Promise<Image> {
    return (await this.#resolve(reference)).image;
  }

  /** The snapshot that a container of this image starts from; "" for an image without layers. */
  snapshotOf(image: Image): string {
    return chainId(image.layers);
  }

  async import(
    tar: Readable,
    options: { readonly reference?: string; readonly config: ImageConfig; readonly comment: string },
  ): Promise<Image> {
    const name = options.reference === undefined ? undefined : nameOf(options.reference);
    const { id, target } = await importLayer(this.#options, tar, options, async (imported) => {
      await this.#give(name ?? DANGLING + imported.id, imported.target);
    });
    this.#emit("import", id, name);
    return this.#imageOf(target, name === undefined ? [] : [familiarName(name)]);
  }

  /** A new image on top of the one with id `imageId`: what a container changed is its last layer. */
  async commit(imageId: string, options: CommitOptions & { readonly reference?: string }): Promise<Image> {
    const base = await this.#resolve(imageId);
    const name = options.reference === undefined ? undefined : nameOf(options.reference);
    const { target } = await commitLayer(this.#options, base.target, options, async (imported) => {
      await this.#give(name ?? DANGLING + imported.id, imported.target);
    });
    return this.#imageOf(target, name === undefined ? [] : [familiarName(name)]);
  }

  async tag(reference: string, as: string): Promise<void> {
    const { target, image } = await this.#resolve(reference);
    const name = nameOf(as);
    await this.#give(name, target);
    await absentIsFine(() => this.#client.images.delete(DANGLING + image.id));
    this.#emit("tag", image.id, name);
  }

  async remove(reference: string, options: { readonly force: boolean }): Promise<readonly Removal[]> {
    const { image, names, byName } = await this.#resolve(reference);
    const named = names.filter((name) => !name.startsWith(DANGLING));
    if (byName !== undefined && named.length > 1) return [await this.#untag(image, byName)];
    if (byName === undefined && named.length > 1 && !options.force) {
      const text = `conflict: unable to delete ${short(image)} (must be forced) - image is referenced in multiple repositories`;
      throw new EngineError("conflict", text);
    }
    this.#refuseIfUsed(image, byName === undefined ? undefined : reference, options.force);
    const removals: Removal[] = [];
    for (const name of named) removals.push(await this.#untag(image, name));
    if (this.#options.users().some((user) => user.imageId === image.id)) {
      // Forced: containers keep their file systems, and the image its id, as Docker does.
      return removals;
    }
    await absentIsFine(() => this.#client.images.delete(DANGLING + image.id));
    this.#contents.clear();
    this.#emit("delete", image.id, undefined);
    return [...removals, { deleted: image.id }];
  }

  async prune(): Promise<readonly string[]> {
    const used = new Set(this.#options.users().map((user) => user.imageId));
    const dangling = (await this.list()).filter((image) => image.references.length === 0 && !used.has(image.id));
    for (const image of dangling) await this.remove(image.id, { force: false });
    return dangling.map((image) => image.id);
  }

  #refuseIfUsed(image: Image, reference: string | undefined, force: boolean): void {
    const users = this.#options.users().filter((user) => user.imageId === image.id);
    const running = users.find((user) => user.running);
    const user = running ?? users[0];
    if (user === undefined || (force && (running === undefined || reference !== undefined))) return;
    const container = shortId(user.id);
    if (reference !== undefined) {
      const text = `conflict: unable to remove repository reference "${reference}" (must force) - container ${container} is using its referenced image ${short(image)}`;
      throw new EngineError("conflict", text);
    }
    const [how, state] = user.running ? ["cannot be forced", "running"] : ["must be forced", "stopped"];
    const text = `conflict: unable to delete ${short(image)} (${how}) - image is being used by ${state} container ${container}`;
    throw new EngineError("conflict", text);
  }

  /** Takes one name away; an image that is still used keeps a dangling one. */
  async #untag(image: Image, name: string): Promise<Removal> {
    const record = await this.#client.images.get(name);
    const used = this.#options.users().some((user) => user.imageId === image.id);
    if (image.references.length === 1 && used) await this.#put(DANGLING + image.id, record.target);
    await absentIsFine(() => this.#client.images.delete(name));
    this.#emit("untag", image.id, name);
    return { untagged: familiarName(name) };
  }

  /** Points a name to an image. Another image that had it as its last name stays, dangling. */
  async #give(name: string, target: Descriptor): Promise<void> {
    const before = await absentIsFine(() => this.#client.images.get(name));
    if (before !== undefined && before.target.digest !== target.digest) {
      const others = (await this.#client.images.list()).filter((other) => other.target.digest === before.target.digest);
      if (others.length === 1)
        await this.#put(DANGLING + (await this.#contentsOf(before.target)).image.id, before.target);
    }
    await this.#put(name, target);
  }

  async #put(name: string, target: Descriptor): Promise<void> {
    const record: ImageMessage = { name, labels: {}, target };
    if ((await absentIsFine(() => this.#client.images.get(name))) === undefined)
      await this.#client.images.create(record);
    else await this.#client.images.update(record);
  }

  /** Every image with all its names, by manifest digest. */
  async #all(): Promise<ReadonlyMap<string, { image: Image; target: Descriptor; names: readonly string[] }>> {
    const byTarget = Map.groupBy(await this.#client.images.list(), (record) => record.target.digest);
    const result = new Map<string, { image: Image; target: Descriptor; names: readonly string[] }>();
    for (const [digest, records] of byTarget) {
      const target = records[0]?.target;
      if (target === undefined) continue;
      const names = records.map((record) => record.name);
      const shown = names.filter((name) => !name.startsWith(DANGLING)).map(familiarName);
      result.set(digest, { image: await this.#imageOf(target, shown), target, names });
    }
    for (const digest of this.#contents.keys()) if (!result.has(digest)) this.#contents.delete(digest);
    return result;
  }

  /** By name first, then by id or id prefix, as Docker resolves. */
  async #resolve(
    text: string,
  ): Promise<{ image: Image; target: Descriptor; names: readonly string[]; byName?: string }> {
    const all = [...(await this.#all()).values()];
    const reference = tryParseReference(text);
    const name = reference === undefined ? undefined : fullName(reference);
    const named = name === undefined ? undefined : all.find((entry) => entry.names.includes(name));
    if (named !== undefined && name !== undefined) return { ...named, byName: name };
    const digits = text.replace(/^sha256:/, "");
    const byId = /^[0-9a-f]+$/.test(digits) ? all.filter((entry) => entry.image.id.startsWith(`sha256:${digits}`)) : [];
    if (byId.length > 1) throw new EngineError("not-found", `ambiguous reference: ${text}`);
    const [found] = byId;
    if (found === undefined) throw new EngineError("not-found", `No such image: ${shownName(text)}`);
    return found;
  }

  async #imageOf(target: Descriptor, references: readonly string[]): Promise<Image> {
    return { ...(await this.#contentsOf(target)).image, references };
  }

  async #contentsOf(target: Descriptor): Promise<Contents> {
    const known = this.#contents.get(target.digest);
    if (known !== undefined) return known;
    const id = configDigestOf(await readBlob(this.#client, target.digest));
    const { diffIds, ...document } = decodeConfig(await readBlob(this.#client, id));
    const size = await this.#sizeOf(diffIds);
    const contents: Contents = { image: { id, ...document, layers: diffIds, size } };
    this.#contents.set(target.digest, contents);
    return contents;
  }

  async #sizeOf(layers: readonly string[]): Promise<number> {
    let size = 0;
    for (let count = 1; count <= layers.length; count++) {
      const key = chainId(layers.slice(0, count));
      size += (await absentIsFine(() => this.#client.snapshots.usage(this.#options.snapshotter, key))) ?? 0;
    }
    return size;
  }

  #emit(action: string, id: string, name: string | undefined): void {
    const shown = name === undefined ? id : familiarName(name);
    this.#options.events.emit({ type: "image", action, actorId: id, attributes: { name: shown } });
  }
}

function nameOf(reference: string): string {
  const parsed = parseReference(reference);
  if (parsed.digest !== undefined) {
    throw new EngineError("invalid-argument", "refusing to create a tag with a digest reference");
  }
  return fullName(parsed);
}

/** Docker names the tag in "No such image". */
function shownName(text: string): string {
  const parsed = tryParseReference(text);
  return parsed === undefined || /^(sha256:)?[0-9a-f]{64}$/.test(text) ? text : familiarName(fullName(parsed));
}

function short(image: Image): string {
  return shortId(image.id.replace(/^sha256:/, ""));
}
