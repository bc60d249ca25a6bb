/**
 * Where something moved: the kernel is asked to tell of the host's namespace and of each network's own, and the file system of
 * the files that keep those alive. A watch holds on to the namespace that it watches, so one whose file somebody took away is
 * ended at once: only then does the namespace end, and give free what a new one needs.
 */
import { watch, type FSWatcher } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { HOST, type NamespaceRef } from "../kernel/facts.ts";
import type { Kernel } from "../kernel/kernel.ts";

/** Undefined: it could not be watched. */
type Watching = Promise<(() => Promise<void>) | undefined>;

export class NamespaceWatches implements AsyncDisposable {
  readonly #kernel: Pick<Kernel, "watch">;
  readonly #log: Log;
  readonly #directory: string;
  readonly #notify: (namespace: NamespaceRef) => void;
  readonly #watched = new Map<NamespaceRef, Watching>();
  #files: FSWatcher | undefined;

  /** `notify` is told where something moved, several times perhaps; of files in `directory` that came or went, too. */
  constructor(
    parts: { readonly kernel: Pick<Kernel, "watch">; readonly log: Log },
    directory: string,
    notify: (namespace: NamespaceRef) => void,
  ) {
    this.#kernel = parts.kernel;
    this.#log = parts.log;
    this.#directory = directory;
    this.#notify = notify;
  }

  async open(): Promise<void> {
    const host = this.#kernel.watch(HOST, () => this.#notify(HOST));
    this.#watched.set(HOST, host);
    await host;
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      this.#files = watch(this.#directory, { persistent: false }, (_event, name) => this.#fileMoved(name));
      this.#files.on("error", (cause) => this.#cannotWatchFiles(cause));
    } catch (cause) {
      this.#cannotWatchFiles(cause);
    }
  }

  /** Watches these besides the host's, and no others. Those that are not there, or not yet, are left out. */
  async follow(namespaces: ReadonlySet<NamespaceRef>): Promise<void> {
    const gone = [...this.#watched.keys()].filter((path) => path !== HOST && !namespaces.has(path));
    for (const path of gone) await this.#end(path);
    for (const path of namespaces) if (!this.#watched.has(path)) await this.#begin(path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#files?.close();
    for (const path of this.#watched.keys()) await this.#end(path);
  }

  async #begin(path: NamespaceRef): Promise<void> {
    const watching = this.#kernel.watch(path, () => this.#notify(path)).catch(() => undefined);
    this.#watched.set(path, watching);
    if ((await watching) === undefined && this.#watched.get(path) === watching) this.#watched.delete(path);
  }

  async #end(path: NamespaceRef): Promise<void> {
    const watching = this.#watched.get(path);
    this.#watched.delete(path);
    const unwatch = await watching;
    await unwatch?.();
  }

  /** Whatever is there now is another namespace than the one that was watched. */
  #fileMoved(name: string | null): void {
    if (name === null) return;
    const path = join(this.#directory, name);
    void this.#end(path).then(
      () => this.#notify(path),
      () => this.#notify(path),
    );
  }

  /** What it would have told is found by looking now and then. */
  #cannotWatchFiles(cause: unknown): void {
    this.#log.warn({ directory: this.#directory, err: cause }, `namespace files are not watched: ${messageOf(cause)}`);
  }
}
