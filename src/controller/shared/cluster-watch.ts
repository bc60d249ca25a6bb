/**
 * Follows the cluster while we run: networks that come and go, members of those that we are on, the store that is back after it
 * was away. One round at a time; what changes during a round is the next round's, all of it together. Now and then everything
 * is compared without being told.
 */
import { messageOf } from "../../base/errors.ts";
import type { ClusterChange } from "../../cluster/cluster.ts";
import { tellHosts } from "./discovered-hosts.ts";
import { followLogged } from "./follow-members.ts";
import { compareEndpoints } from "./shared-endpoints.ts";
import { syncNetworks } from "./shared-networks.ts";
import type { World } from "../world.ts";

/** What failed, or was in another's hands when it was looked at. */
const IDLE_INTERVAL_MS = 20_000;

export class ClusterWatch implements AsyncDisposable {
  readonly #world: World;
  #unsubscribe: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  readonly #members = new Set<string>();
  #networks = false;
  #everything = false;
  #closed = false;

  constructor(world: World) {
    this.#world = world;
  }

  /** The first round compares everything, beside whatever else starts. */
  open(): void {
    const { cluster } = this.#world;
    if (cluster === undefined) return;
    this.#unsubscribe = cluster.subscribe((change) => this.#note(change));
    this.#timer = setInterval(() => this.#compare(), IDLE_INTERVAL_MS).unref();
    this.#compare();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#unsubscribe?.();
    await this.#running;
  }

  #compare(): void {
    this.#everything = true;
    this.#wake();
  }

  #note({ networks, endpointsOf, hosts, status }: ClusterChange): void {
    if (hosts) void tellHosts(this.#world);
    for (const id of endpointsOf) this.#members.add(id);
    if (networks.put.length + networks.removed.length > 0) this.#networks = true;
    if (status && this.#world.cluster?.status().state === "connected") this.#everything = true;
    this.#wake();
  }

  #wake(): void {
    if (this.#closed || this.#running !== undefined) return;
    this.#running = this.#work().finally(() => {
      this.#running = undefined;
    });
  }

  async #work(): Promise<void> {
    while (!this.#closed && (this.#everything || this.#networks || this.#members.size > 0)) await this.#round();
  }

  async #round(): Promise<void> {
    const world = this.#world;
    const everything = this.#everything;
    const networks = this.#networks || everything;
    const members = [...this.#members];
    this.#everything = this.#networks = false;
    this.#members.clear();
    if (networks) await this.#logged("networks", () => syncNetworks(world));
    const followed = everything ? [...world.followed.keys()] : [];
    for (const id of new Set([...followed, ...members])) await followLogged(world, id);
    if (everything) {
      void tellHosts(world);
      await this.#logged("endpoints", () => compareEndpoints(world));
    }
  }

  async #logged(what: string, step: () => Promise<void>): Promise<void> {
    await step().catch((cause: unknown) => {
      this.#world.log.error({ err: cause }, `${what} are not in step with the cluster: ${messageOf(cause)}`);
    });
  }
}
