/**
 * Host ports in memory for tests of the layers above: the real table and its refusals, no sockets. It is told which ports a
 * program of the host has, and tells what is held.
 */
import { constants } from "node:os";
import type { IpAddress } from "../addr/ip-address.ts";
import { allAllocated, alreadyAllocated, cannotBind } from "./bind-errors.ts";
import { PortTable } from "./port-table.ts";
import type { HeldPort, HostPorts, PortWish } from "./ports.ts";

const EPHEMERAL = { first: 32768, last: 60999 };

export class FakeHostPorts implements HostPorts {
  /** Ports that some program of the host has, at every address. */
  readonly foreign = new Set<number>();
  ipv6 = true;
  readonly #table = new PortTable();
  readonly #held = new Set<HeldPort>();

  /** `tcp 8080`, sorted. */
  heldPorts(): readonly string[] {
    return [...this.#held].map(({ wish, port }) => `${wish.protocol} ${port}`).sort();
  }

  async hold(wishes: readonly PortWish[]): Promise<readonly HeldPort[]> {
    const held: HeldPort[] = [];
    try {
      for (const wish of wishes) {
        const port = this.#choose(wish);
        this.#table.take(wish.protocol, addressesOf(wish), port);
        held.push({ wish, port });
      }
    } catch (cause) {
      for (const { wish, port } of held) this.#table.release(wish.protocol, addressesOf(wish), port);
      throw cause;
    }
    for (const one of held) this.#held.add(one);
    return Promise.resolve(held);
  }

  async release(held: readonly HeldPort[]): Promise<void> {
    for (const one of held) {
      if (this.#held.delete(one)) this.#table.release(one.wish.protocol, addressesOf(one.wish), one.port);
    }
    return Promise.resolve();
  }

  async hasIPv6(): Promise<boolean> {
    return Promise.resolve(this.ipv6);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release([...this.#held]);
  }

  #choose(wish: PortWish): number {
    const { hostPorts, protocol } = wish;
    const addresses = addressesOf(wish);
    if (hostPorts === undefined || hostPorts.first !== hostPorts.last) {
      const found = this.#table.find(protocol, addresses, hostPorts ?? EPHEMERAL, this.foreign);
      if (found === undefined) throw allAllocated();
      return found;
    }
    const port = hostPorts.first;
    const taken = this.#table.conflict(protocol, addresses, port);
    if (taken !== undefined) throw alreadyAllocated(taken, port);
    const [address] = addresses;
    if (address !== undefined && this.foreign.has(port)) {
      throw cannotBind(wish, { address, port }, { errno: constants.errno.EADDRINUSE });
    }
    return port;
  }
}

function addressesOf({ places }: PortWish): readonly IpAddress[] {
  return places.map(({ address }) => address);
}
