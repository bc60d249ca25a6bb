/**
 * Lent endpoints that nobody gives back. Their sandbox ended while we did not run, or dockerd gave up telling us, or lost
 * its memory of them: where the sandbox is gone, the endpoint is.
 */
import { messageOf } from "../../base/errors.ts";
import type { EndpointIntent } from "../../drivers/intent.ts";
import { KernelError } from "../../kernel/kernel-error.ts";
import { releaseAddresses } from "../lease-addresses.ts";
import type { World } from "../world.ts";
import { endLentEndpoint } from "./lent-endpoints.ts";
import { lentEndpoints } from "./lent-state.ts";

/** Start-up. What the cluster knows of them is taken back when everything is compared. */
export async function forgetLostLent(world: World): Promise<void> {
  for (const intent of await lostOnes(world)) {
    world.log.info({ endpoint: intent.id, sandbox: intent.lent?.sandboxKey }, "the sandbox of a lent endpoint is gone");
    await release(world, intent);
    world.registry.commit({ remove: { endpoints: [intent.id] } });
  }
}

const LOOK_EVERY_MS = 60_000;

/** A container that is being made joins before it has a sandbox: what is gone now was gone at the last look too. */
export class LostLentWatch implements AsyncDisposable {
  readonly #world: World;
  readonly #onEnd: (endpoint: EndpointIntent) => Promise<void>;
  #timer: NodeJS.Timeout | undefined;
  #suspects: ReadonlySet<string> = new Set();
  #running: Promise<void> = Promise.resolve();

  constructor(world: World, onEnd: (endpoint: EndpointIntent) => Promise<void>) {
    this.#world = world;
    this.#onEnd = onEnd;
  }

  open(): void {
    this.#timer = setInterval(() => {
      this.#running = this.#running.then(() => this.look());
    }, LOOK_EVERY_MS).unref();
  }

  /** Ends those that it finds gone for the second time. Never throws. */
  async look(): Promise<void> {
    const lost = await lostOnes(this.#world);
    const known = this.#suspects;
    this.#suspects = new Set(lost.map(({ id, lent }) => `${id} ${lent?.sandboxKey ?? ""}`));
    for (const endpoint of lost) {
      const { id, lent } = endpoint;
      if (known.has(`${id} ${lent?.sandboxKey ?? ""}`)) await this.#end(endpoint);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#running;
  }

  async #end(endpoint: EndpointIntent): Promise<void> {
    const { id, name, lent } = endpoint;
    const about = { endpoint: id, sandbox: lent?.sandboxKey };
    this.#world.log.warn(about, `endpoint ${name} is taken back: its sandbox is gone, and nobody said so`);
    try {
      await endLentEndpoint(this.#world, id);
      await release(this.#world, endpoint);
      await this.#onEnd(endpoint);
    } catch (cause) {
      this.#world.log.error({ ...about, err: cause }, `endpoint ${name} is not taken back: ${messageOf(cause)}`);
    }
  }
}

async function lostOnes(world: World): Promise<readonly EndpointIntent[]> {
  const lost: EndpointIntent[] = [];
  for (const { intent } of lentEndpoints(world.registry)) {
    const { sandboxKey } = intent.lent ?? {};
    if (sandboxKey !== undefined && !(await isThere(world, sandboxKey))) lost.push(intent);
  }
  return lost;
}

async function release(world: World, endpoint: EndpointIntent): Promise<void> {
  const network = world.registry.network(endpoint.networkId)?.intent;
  if (network === undefined) return;
  await releaseAddresses(world, network, endpoint).catch((cause: unknown) => {
    world.log.error({ endpoint: endpoint.id, err: cause }, `addresses are not given back: ${messageOf(cause)}`);
  });
}

/** The file stays for a while after dockerd has unmounted the namespace from it; it is no namespace then. */
const GONE: readonly string[] = ["ENOENT", "EINVAL"];

/** Where that cannot be told, it is. */
export async function isThere({ kernel }: Pick<World, "kernel">, sandboxKey: string): Promise<boolean> {
  try {
    await kernel.observe(sandboxKey);
    return true;
  } catch (cause) {
    return !(cause instanceof KernelError && GONE.includes(cause.code));
  }
}
