/**
 * A strict engine in memory, for tests of the API: containers run small scripted programs, networks hand out addresses in
 * order, and what the real parts refuse is refused here with the same sentences. `assertClean` fails on anything left open.
 */
import { systemClock } from "../../base/clock.ts";
import { EventBus } from "../../base/event-bus.ts";
import type { Engine, EngineInfo } from "../../engine/engine.ts";
import { FakeContainers } from "./fake-containers.ts";
import { FakeExecs } from "./fake-execs.ts";
import { FakeImages } from "./fake-images.ts";
import { FakeNetworks } from "./fake-networks.ts";

export class FakeEngine implements Engine {
  readonly events = new EventBus(systemClock);
  readonly networks = new FakeNetworks(this.events);
  readonly images = new FakeImages(this.events);
  readonly containers = new FakeContainers(this.events, this.networks, this.images);
  readonly execs = new FakeExecs(this.containers);

  async info(): Promise<EngineInfo> {
    const states = this.containers.list().map((container) => container.state.status);
    const count = (status: string): number => states.filter((state) => state === status).length;
    const running = count("running");
    const paused = count("paused");
    return {
      id: "6d1a4a3c-9f6f-4f0e-8d3a-1f2e3d4c5b6a",
      containerdVersion: "1.7.0",
      runcVersion: "1.1.0",
      snapshotter: "overlayfs",
      dataRoot: "/var/lib/causeway",
      containers: { running, paused, stopped: states.length - running - paused },
      images: (await this.images.list()).length,
    };
  }

  /** Throws when a client's stream is still attached to a process. */
  assertClean(): void {
    const open = this.containers.openStreams() + this.execs.openStreams();
    if (open > 0) throw new Error(`${open} streams are still attached`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.containers.killAll();
  }
}
