/**
 * `HostPorts` over the kernel thread: numbers are chosen from the table first, then all their sockets are opened in one call.
 * A port that a program of the host has is found out by the kernel's refusal: where the wish leaves a choice, the next one is
 * tried, and all sockets are opened again. Measured: 500 ports at two addresses take the kernel thread 9 ms.
 */
import { closeSync } from "node:fs";
import { constants } from "node:os";
import { compareAddresses, formatAddress, sameAddress, type IpAddress } from "../addr/ip-address.ts";
import type { PortRange } from "../addr/port-range.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { HOST } from "../kernel/facts.ts";
import { KernelError } from "../kernel/kernel-error.ts";
import type { Kernel, OpenedSocket, SocketRequest } from "../kernel/kernel.ts";
import { allAllocated, alreadyAllocated, cannotBind } from "./bind-errors.ts";
import { readEphemeralPorts, type EphemeralPorts } from "./ephemeral-ports.ts";
import { PortTable } from "./port-table.ts";
import type { HeldPort, HostPlace, HostPorts, PortWish } from "./ports.ts";
import type { PortProxy, Served } from "./proxy/proxy.ts";

/** How often in all the kernel may refuse a port of free choice before that is an error; Docker allows ten for each. */
const MAX_REFUSALS = 32;

/** One socket of a held port. */
interface Slot {
  readonly held: HeldPort;
  readonly place: HostPlace;
}

export class KernelHostPorts implements HostPorts {
  readonly #kernel: Pick<Kernel, "openSockets" | "readSysctl">;
  readonly #proxy: PortProxy;
  readonly #log: Log;
  readonly #table = new PortTable();
  /** Descriptors and proxied sockets of each held port. */
  readonly #open = new Map<HeldPort, readonly Served[]>();

  /** The proxy stays the caller's. */
  constructor(kernel: Pick<Kernel, "openSockets" | "readSysctl">, proxy: PortProxy, log: Log) {
    this.#kernel = kernel;
    this.#proxy = proxy;
    this.#log = log;
  }

  async hold(wishes: readonly PortWish[]): Promise<readonly HeldPort[]> {
    if (wishes.length === 0) return [];
    const ephemeral = wishes.every(isExact) ? undefined : await readEphemeralPorts(this.#kernel);
    const choice = new Choice(this.#table, ephemeral);
    try {
      choice.choose(wishes);
      const held = await this.#openAll(wishes, choice);
      this.#serve(held);
      return held;
    } catch (cause) {
      choice.release();
      throw cause;
    }
  }

  async release(held: readonly HeldPort[]): Promise<void> {
    const known = held.filter((port) => this.#open.has(port));
    const sockets = known.flatMap((port) => this.#open.get(port) ?? []);
    for (const port of known) {
      this.#open.delete(port);
      this.#table.release(port.wish.protocol, addressesOf(port.wish), port.port);
    }
    try {
      await this.#proxy.stop(sockets.filter(({ target }) => target !== undefined).map(({ fd }) => fd));
    } finally {
      for (const { fd } of sockets) closeSync(fd);
    }
  }

  async hasIPv6(): Promise<boolean> {
    try {
      const probe = { transport: "tcp", family: 6, bind: { address: "::1", port: 0 }, silent: true } as const;
      for (const { fd } of await this.#kernel.openSockets(HOST, [probe])) closeSync(fd);
      return true;
    } catch (cause) {
      if (cause instanceof KernelError) return false;
      throw cause;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release([...this.#open.keys()]);
  }

  /** Until the kernel takes all of them, or refuses one that has no alternative. */
  async #openAll(wishes: readonly PortWish[], choice: Choice): Promise<readonly HeldPort[]> {
    for (let refusals = 0; ; refusals++) {
      const held = wishes.map((wish): HeldPort => ({ wish, port: choice.portOf(wish) }));
      const slots = held
        .flatMap((port) => port.wish.places.map((place): Slot => ({ held: port, place })))
        .sort(compareSlots);
      try {
        this.#keep(slots, await this.#kernel.openSockets(HOST, socketRequests(slots)));
        return held;
      } catch (cause) {
        if (!(cause instanceof KernelError)) throw cause;
        this.#chooseAnother(slots[cause.completed], { choice, refusals, cause });
      }
    }
  }

  #chooseAnother(
    refused: Slot | undefined,
    { choice, refusals, cause }: { choice: Choice; refusals: number; cause: KernelError },
  ): void {
    if (refused === undefined) throw cause;
    const { wish, port } = refused.held;
    const hasChoice = !isExact(wish) && cause.errno === constants.errno.EADDRINUSE && refusals < MAX_REFUSALS;
    if (!hasChoice) throw cannotBind(wish, { address: refused.place.address, port }, cause);
    choice.reject(wish);
  }

  #keep(slots: readonly Slot[], opened: readonly OpenedSocket[]): void {
    for (const [held, mine] of Map.groupBy(slots.entries(), ([, slot]) => slot.held)) {
      const sockets = mine.flatMap(([index, { place }]): Served[] => {
        const fd = opened[index]?.fd;
        if (fd === undefined) return [];
        const { protocol } = held.wish;
        const { family } = place.address;
        return [{ fd, protocol, family, ...(place.proxy === undefined ? {} : { target: place.proxy }) }];
      });
      this.#open.set(held, sockets);
    }
  }

  /** Nobody waits for it: the sockets listen already, and who comes before the proxy is there is kept by the kernel. */
  #serve(held: readonly HeldPort[]): void {
    const served = held.flatMap((port) => this.#open.get(port) ?? []).filter(({ target }) => target !== undefined);
    this.#proxy.serve(served).catch((cause: unknown) => {
      this.#log.error(
        { err: cause },
        `published ports are not served where they cannot be translated: ${messageOf(cause)}`,
      );
    });
  }
}

/** The numbers chosen for some wishes, taken in the table until released. */
class Choice {
  readonly #table: PortTable;
  readonly #ephemeral: EphemeralPorts | undefined;
  readonly #ports = new Map<PortWish, number>();
  readonly #refused = new Map<PortWish, Set<number>>();

  constructor(table: PortTable, ephemeral: EphemeralPorts | undefined) {
    this.#table = table;
    this.#ephemeral = ephemeral;
  }

  /** Single ports first, so that no range takes the one that somebody asked for. */
  choose(wishes: readonly PortWish[]): void {
    for (const wish of wishes.toSorted((a, b) => Number(isExact(b)) - Number(isExact(a)))) this.#chooseOne(wish);
  }

  portOf(wish: PortWish): number {
    return this.#ports.get(wish) ?? 0;
  }

  /** The kernel refused it: another one of the range, which throws when there is none. */
  reject(wish: PortWish): void {
    const port = this.portOf(wish);
    this.#refused.set(wish, (this.#refused.get(wish) ?? new Set()).add(port));
    this.#table.release(wish.protocol, addressesOf(wish), port);
    this.#ports.delete(wish);
    this.#chooseOne(wish);
  }

  release(): void {
    for (const [wish, port] of this.#ports) this.#table.release(wish.protocol, addressesOf(wish), port);
    this.#ports.clear();
  }

  #chooseOne(wish: PortWish): void {
    const port = this.#find(wish);
    this.#table.take(wish.protocol, addressesOf(wish), port);
    this.#ports.set(wish, port);
  }

  #find(wish: PortWish): number {
    const { protocol, hostPorts } = wish;
    const addresses = addressesOf(wish);
    if (hostPorts !== undefined && hostPorts.first === hostPorts.last) {
      const taken = this.#table.conflict(protocol, addresses, hostPorts.first);
      if (taken !== undefined) throw alreadyAllocated(taken, hostPorts.first);
      return hostPorts.first;
    }
    const found = this.#table.find(protocol, addresses, this.#rangeOf(hostPorts), this.#excluded(wish));
    if (found === undefined) throw allAllocated();
    return found;
  }

  #rangeOf(hostPorts: PortRange | undefined): PortRange {
    return hostPorts ?? this.#ephemeral?.range ?? { first: 1, last: 0 };
  }

  /** Reserved ports are kept free for whoever names them. */
  #excluded(wish: PortWish): ReadonlySet<number> {
    const refused = this.#refused.get(wish) ?? new Set<number>();
    return wish.hostPorts === undefined ? (this.#ephemeral?.reserved ?? new Set<number>()).union(refused) : refused;
  }
}

function isExact({ hostPorts }: PortWish): boolean {
  return hostPorts !== undefined && hostPorts.first === hostPorts.last;
}

function addressesOf({ places }: PortWish): readonly IpAddress[] {
  return places.map(({ address }) => address);
}

/** Such that neighbouring ports of one kind and address follow each other. */
function compareSlots(a: Slot, b: Slot): number {
  const [one, other] = [kindOf(a), kindOf(b)];
  if (one !== other) return one < other ? -1 : 1;
  return compareAddresses(a.place.address, b.place.address) || a.held.port - b.held.port;
}

function kindOf({ held, place }: Slot): string {
  return place.proxy === undefined ? held.wish.protocol : `${held.wish.protocol} served`;
}

/** A request for each run of neighbouring ports: a thousand of them would take longer to be told than to be carried out. */
function socketRequests(slots: readonly Slot[]): readonly SocketRequest[] {
  const runs: { first: Slot; last: Slot }[] = [];
  for (const slot of slots) {
    const run = runs.at(-1);
    if (run !== undefined && continues(run.last, slot)) run.last = slot;
    else runs.push({ first: slot, last: slot });
  }
  return runs.map(({ first: { held, place }, last }) => ({
    transport: held.wish.protocol,
    family: place.address.family,
    bind: { address: formatAddress(place.address), port: held.port, lastPort: last.held.port },
    silent: place.proxy === undefined,
  }));
}

function continues(last: Slot, next: Slot): boolean {
  const isNeighbour = next.held.port === last.held.port + 1 && kindOf(next) === kindOf(last);
  return isNeighbour && sameAddress(last.place.address, next.place.address);
}
