/**
 * Readiness of many descriptors, through one epoll descriptor that Node's own loop polls: our sockets, timers and messages
 * share a thread without a loop of our own. Level-triggered, so a handler may leave work for the next turn, and should, to
 * be fair to the others. See epoll(7).
 */
import koffi from "koffi";
import { LITTLE_ENDIAN } from "../../wire/byte-reader.ts";
import { EPOLL, errnoName, lastErrno, libc } from "./libc.ts";

/** `events` are EPOLL bits. Must not throw; what it throws goes to `onFault`. */
export type ReadyHandler = (events: number) => void;

const MAX_EVENTS = 256;

/** struct epoll_event is packed on x86-64 alone: `events` u32, then 64 bits of data. */
const EVENT_SIZE = process.arch === "x64" ? 12 : 16;
const DATA_OFFSET = process.arch === "x64" ? 4 : 8;

export class Poller {
  readonly #epoll: number;
  readonly #handle: ReturnType<typeof koffi.node.poll>;
  readonly #handlers = new Map<number, ReadyHandler>();
  readonly #events = Buffer.alloc(MAX_EVENTS * EVENT_SIZE);
  readonly #view = new DataView(this.#events.buffer, this.#events.byteOffset, this.#events.length);
  readonly #onFault: (fault: unknown) => void;

  constructor(onFault: (fault: unknown) => void) {
    this.#onFault = onFault;
    this.#epoll = libc.epollCreate(EPOLL.CLOEXEC);
    if (this.#epoll < 0) throw new Error(`epoll_create1: ${errnoName(lastErrno())}`);
    this.#handle = koffi.node.poll(this.#epoll, { readable: true }, () => this.#dispatch());
  }

  /** Calls the handler whenever one of the EPOLL bits holds for `fd`, until `remove`. The descriptor stays the caller's. */
  add(fd: number, events: number, handler: ReadyHandler): void {
    const event = Buffer.alloc(EVENT_SIZE);
    const view = new DataView(event.buffer, event.byteOffset, EVENT_SIZE);
    view.setUint32(0, events, LITTLE_ENDIAN);
    view.setUint32(DATA_OFFSET, fd, LITTLE_ENDIAN);
    if (libc.epollControl(this.#epoll, EPOLL.ADD, fd, event) < 0) {
      throw new Error(`epoll_ctl add ${fd}: ${errnoName(lastErrno())}`);
    }
    this.#handlers.set(fd, handler);
  }

  /** To be called before `fd` is closed. Accepts absence. */
  remove(fd: number): void {
    if (this.#handlers.delete(fd)) libc.epollControl(this.#epoll, EPOLL.DEL, fd, null);
  }

  close(): void {
    this.#handle.close();
    this.#handlers.clear();
    libc.close(this.#epoll);
  }

  #dispatch(): void {
    const count = libc.epollWait(this.#epoll, this.#events, MAX_EVENTS, 0);
    for (let index = 0; index < count; index++) {
      const events = this.#view.getUint32(index * EVENT_SIZE, LITTLE_ENDIAN);
      // A handler before this one may have removed the descriptor: then nobody is called.
      const handler = this.#handlers.get(this.#view.getUint32(index * EVENT_SIZE + DATA_OFFSET, LITTLE_ENDIAN));
      if (handler !== undefined) this.#guard(handler, events);
    }
  }

  /** One sandbox's trouble must not silence the others. */
  #guard(handler: ReadyHandler, events: number): void {
    try {
      handler(events);
    } catch (fault) {
      this.#onFault(fault);
    }
  }
}
