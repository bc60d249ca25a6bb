/**
 * The host's resolv.conf changes under running containers: a laptop joins another network, a VPN comes up. Then every resolver
 * asks the new servers from the next query on, and every file that nobody edited says so
 * (docs/decisions/0008-host-resolv-conf.md). The file is looked at by its time and number (stat(2)) once a second, as it is a
 * link to elsewhere or replaced by rename on most hosts, which inotify would have to follow.
 */
import { readFile } from "node:fs/promises";
import { unwatchFile, watchFile } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { legacySourcePath, parseResolvConf } from "../dns/resolv-conf.ts";
import { joinsOf } from "./desired.ts";
import { resolvConfOf } from "./sandbox-files.ts";
import { dnsSandbox } from "./sandbox-names.ts";
import { runtimeOf, sandboxKey, type World } from "./world.ts";

const LOOK_MS = 1000;
/** What systemd-resolved keeps; read where the host's file names only its stub. */
const STUB: string = legacySourcePath(parseResolvConf("nameserver 127.0.0.53", ""));

export class ResolvConfWatch implements AsyncDisposable {
  readonly #world: World;
  readonly #paths: readonly string[];
  readonly #look = (): void => void this.#queue();
  #running: Promise<void> = Promise.resolve();
  #seen: string | undefined;
  #closed = false;

  constructor(world: World) {
    this.#world = world;
    this.#paths = [world.settings.resolvConfPath, STUB];
  }

  async open(): Promise<void> {
    this.#seen = await this.#contents();
    for (const path of this.#paths) watchFile(path, { interval: LOOK_MS, persistent: false }, this.#look);
    // It may have changed while nobody looked.
    this.#running = this.#refreshAll();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const path of this.#paths) unwatchFile(path, this.#look);
    await this.#running;
  }

  /** One look after the other: the last one sees everything. */
  async #queue(): Promise<void> {
    this.#running = this.#running.then(async () => this.#compare());
    await this.#running;
  }

  async #compare(): Promise<void> {
    const contents = await this.#contents();
    if (this.#closed || contents === this.#seen) return;
    this.#seen = contents;
    this.#world.log.info({ path: this.#world.settings.resolvConfPath }, "the host's resolv.conf changed");
    await this.#refreshAll();
  }

  async #refreshAll(): Promise<void> {
    for (const { intent } of this.#world.registry.sandboxes()) {
      await this.#refresh(intent.id).catch((cause: unknown) => {
        this.#world.log.error({ sandbox: intent.id, err: cause }, `resolv.conf not renewed: ${messageOf(cause)}`);
      });
    }
  }

  async #contents(): Promise<string> {
    const texts = this.#paths.map((path) => readFile(path, "latin1").catch(() => ""));
    return (await Promise.all(texts)).join("\0");
  }

  async #refresh(sandboxId: string): Promise<void> {
    const world = this.#world;
    await world.locks.run(sandboxKey(sandboxId), async () => {
      const entry = world.registry.sandbox(sandboxId);
      if (entry?.phase !== "live" || this.#closed) return;
      const { intent } = entry;
      const joins = joinsOf(world, sandboxId);
      const { files, resolver } = runtimeOf(world, intent);
      const resolvConf = await resolvConfOf(world, intent, joins, resolver !== undefined);
      if (resolver !== undefined) {
        await world.dns.change([{ put: "sandbox", sandbox: dnsSandbox(intent, joins, resolvConf) }]);
      }
      await files.updateResolvConf(resolvConf.text);
    });
  }
}
