/**
 * Names inside sandboxes that another engine has. That engine's own resolver knows the containers of its host alone, and asks
 * the container's servers for the rest, from inside the sandbox; so ours is one of those servers, at 127.0.0.12 of each
 * sandbox with a lent endpoint. It knows the names of the networks that the endpoints are on, and asks the host's servers for
 * what it does not know. Nothing is taken from the container: the sockets have ports of their own, and port 53 of that one
 * address leads there.
 */
import { messageOf } from "../../base/errors.ts";
import { generateResolvConf } from "../../dns/resolv-conf.ts";
import { parseAddress, type IpAddress } from "../../addr/ip-address.ts";
import type { DnsRedirect } from "../../firewall/firewall.ts";
import { readResolvConf } from "../sandbox-files.ts";
import type { World } from "../world.ts";
import { lentEndpoints } from "./lent-state.ts";
import { isThere } from "./lost-lent.ts";

export const LENT_RESOLVER: IpAddress = parseAddress("127.0.0.12");

/** A container that is being made has its namespace some hundred milliseconds after it joined. */
const SOON_MS = 5_000;
const SOON_EVERY_MS = 10;
const LATER_EVERY_MS = 500;
/** Whoever leaves before ends the wait too. */
const LONGEST_WAIT_MS = 120_000;

export class LentResolvers implements AsyncDisposable {
  readonly #world: World;
  /** By sandbox: our redirect, once it is served; undefined while its namespace is waited for. */
  readonly #served = new Map<string, DnsRedirect | undefined>();
  #closed = false;

  constructor(world: World) {
    this.#world = world;
  }

  /** Brings the sandbox's resolver in line with the endpoints that it has now. Never throws: what fails is logged. */
  async refresh(sandboxKey: string): Promise<void> {
    await this.#world.locks.run(`resolver ${sandboxKey}`, async () => {
      try {
        await (this.#networksOf(sandboxKey).length === 0 ? this.#stop(sandboxKey) : this.#serve(sandboxKey));
      } catch (cause) {
        this.#world.log.error({ sandbox: sandboxKey, err: cause }, `no names for a container: ${messageOf(cause)}`);
      }
    });
  }

  /** The sandbox's namespace may not be there yet: its resolver follows as soon as it is. */
  expect(sandboxKey: string): void {
    void this.#serveWhenThere(sandboxKey);
  }

  /** Start-up: sandboxes that live already. */
  async restore(): Promise<void> {
    const keys = lentEndpoints(this.#world.registry).flatMap(({ intent }) => intent.lent?.sandboxKey ?? []);
    for (const key of new Set(keys)) await this.refresh(key);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    return Promise.resolve();
  }

  async #serveWhenThere(sandboxKey: string): Promise<void> {
    const started = performance.now();
    for (;;) {
      if (this.#closed || this.#networksOf(sandboxKey).length === 0) return;
      if (await isThere(this.#world, sandboxKey)) return this.refresh(sandboxKey);
      const waitedMs = performance.now() - started;
      if (waitedMs > LONGEST_WAIT_MS) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      setTimeout(resolve, waitedMs < SOON_MS ? SOON_EVERY_MS : LATER_EVERY_MS).unref();
      await promise;
    }
  }

  #networksOf(sandboxKey: string): readonly string[] {
    const inside = lentEndpoints(this.#world.registry).filter(({ intent }) => intent.lent?.sandboxKey === sandboxKey);
    return inside.map(({ intent }) => intent.networkId);
  }

  async #serve(sandboxKey: string): Promise<void> {
    const { dns, firewall, registry, settings } = this.#world;
    const networkIds = this.#networksOf(sandboxKey);
    const { upstreams } = generateResolvConf(await readResolvConf(settings.resolvConfPath), {}, { kind: "internal" });
    const external = networkIds.some((id) => registry.network(id)?.intent.internal === false);
    const sandbox = { id: sandboxKey, networkIds, privateAliases: {}, upstreams, external, ndotsSet: false };
    await dns.change([{ put: "sandbox", sandbox: { ...sandbox, address: LENT_RESOLVER } }]);
    if (this.#served.get(sandboxKey) !== undefined) return;
    const { udpPort, tcpPort } = await dns.serve(sandboxKey, sandboxKey);
    const redirect: DnsRedirect = {
      kind: "dns-redirect",
      namespace: sandboxKey,
      address: LENT_RESOLVER,
      udpPort,
      tcpPort,
    };
    await firewall.apply({ add: [redirect], remove: [] });
    this.#served.set(sandboxKey, redirect);
  }

  /** The sockets would keep the namespace alive. Rules in a namespace that is gone are gone too. */
  async #stop(sandboxKey: string): Promise<void> {
    const { dns, firewall, log } = this.#world;
    const redirect = this.#served.get(sandboxKey);
    this.#served.delete(sandboxKey);
    await dns.stop(sandboxKey);
    await dns.change([{ remove: "sandbox", id: sandboxKey }]);
    if (redirect === undefined) return;
    await firewall.apply({ add: [], remove: [redirect] }).catch((cause: unknown) => {
      log.debug({ sandbox: sandboxKey, reason: messageOf(cause) }, "the redirect to a resolver went with its sandbox");
    });
  }
}
