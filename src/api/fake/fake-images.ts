/** Images in memory: an import is read to its end and hashed; names move from image to image as in Docker. */
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { systemClock } from "../../base/clock.ts";
import { EngineError } from "../../base/errors.ts";
import type { EventBus } from "../../base/event-bus.ts";
import type { Images } from "../../engine/engine.ts";
import type { Image, ImageConfig } from "../../engine/image.ts";

interface ImportOptions {
  readonly reference?: string;
  readonly config: ImageConfig;
  readonly comment: string;
}

export class FakeImages implements Images {
  readonly #images = new Map<string, Image>();
  readonly #events: EventBus;

  constructor(events: EventBus) {
    this.#events = events;
  }

  async list(): Promise<readonly Image[]> {
    return [...this.#images.values()];
  }

  async find(reference: string): Promise<Image> {
    const named = /:[^/]*$/.test(reference) ? reference : `${reference}:latest`;
    const hex = reference.replace(/^sha256:/, "");
    for (const image of this.#images.values()) {
      const byId = /^[0-9a-f]{4,}$/.test(hex) && image.id.startsWith(`sha256:${hex}`);
      if (byId || image.references.includes(named)) return image;
    }
    throw new EngineError("not-found", `No such image: ${named}`);
  }

  async import(tar: Readable, options: ImportOptions): Promise<Image> {
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of tar as AsyncIterable<Buffer>) {
      hash.update(chunk);
      size += chunk.length;
    }
    hash.update(JSON.stringify(options.config));
    const id = `sha256:${hash.digest("hex")}`;
    const { config, comment } = options;
    const createdNs = systemClock.nowNs();
    const platform = { architecture: "amd64", os: "linux" };
    this.#images.set(id, { id, references: [], createdNs, size, comment, config, layers: [id], ...platform });
    if (options.reference !== undefined) await this.tag(id, options.reference);
    this.#events.emit({ type: "image", action: "import", actorId: id, attributes: { name: id } });
    return this.find(id);
  }

  async tag(reference: string, as: string): Promise<void> {
    const image = await this.find(reference);
    for (const other of this.#images.values())
      this.#rename(
        other,
        other.references.filter((name) => name !== as),
      );
    const now = await this.find(image.id);
    this.#rename(now, [...now.references, as]);
    this.#events.emit({ type: "image", action: "tag", actorId: image.id, attributes: { name: as } });
  }

  async remove(reference: string): Promise<readonly { readonly untagged?: string; readonly deleted?: string }[]> {
    const image = await this.find(reference);
    this.#images.delete(image.id);
    return [...image.references.map((untagged) => ({ untagged })), { deleted: image.id }];
  }

  async prune(): Promise<readonly string[]> {
    const dangling = [...this.#images.values()].filter((image) => image.references.length === 0);
    for (const image of dangling) this.#images.delete(image.id);
    return dangling.map((image) => image.id);
  }

  #rename(image: Image, references: readonly string[]): void {
    this.#images.set(image.id, { ...image, references });
  }
}
