/**
 * Says that something changed in a namespace, at most once per 50 ms. A multicast netlink socket is read by libuv's own
 * event loop: no thread blocks and nothing polls. Node opens no netlink sockets, so it is given one end of a socket pair,
 * and before its loop first looks at the descriptor, dup3(2) puts the netlink socket in that place.
 *
 * The kernel drops news when the socket's buffer is full (ENOBUFS); that is a change too, and watching begins anew.
 */
import { Socket } from "node:net";
import { ByteWriter } from "../../wire/byte-writer.ts";
import type { NamespaceRef } from "../facts.ts";
import { bind, close, dup3, setSocketOption, socket, socketpair } from "../system/libc.ts";
import type { Namespaces } from "../system/namespace.ts";
import { NETLINK, NETLINK_OPTION } from "../uapi/netlink.ts";
import { RTNLGRP } from "../uapi/rtnetlink.ts";
import { AF, SO, SOCK, SOL } from "../uapi/system.ts";

const QUIET_MS = 50;
const BUFFER_BYTES = 1024 * 1024;

/** A watch on one namespace; it keeps the namespace alive until it is closed. */
export class Watch implements Disposable {
  readonly #namespaces: Namespaces;
  readonly #namespace: NamespaceRef;
  readonly #notify: () => void;
  #stream: Socket;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  /** Throws KernelError, ENOENT when there is no such namespace. */
  constructor(namespaces: Namespaces, namespace: NamespaceRef, notify: () => void) {
    this.#namespaces = namespaces;
    this.#namespace = namespace;
    this.#notify = notify;
    this.#stream = this.#open();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#stream.destroy();
  }

  #open(): Socket {
    const fd = this.#namespaces.inside(this.#namespace, openMulticast);
    const stream = adopt(fd);
    stream.on("data", () => this.#changed());
    stream.on("error", () => undefined);
    stream.on("close", () => this.#reopen());
    return stream;
  }

  /** After lost news. When the namespace is gone, its last change has been told, and there is nothing more to watch. */
  #reopen(): void {
    if (this.#closed) return;
    this.#changed();
    try {
      this.#stream = this.#open();
    } catch {
      this.#closed = true;
    }
  }

  #changed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      if (!this.#closed) this.#notify();
    }, QUIET_MS);
  }
}

/** A socket that hears of links, addresses, routes and neighbours in the thread's namespace. */
function openMulticast(): number {
  const fd = socket(AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC | SOCK.NONBLOCK, NETLINK.ROUTE);
  try {
    setSocketOption(fd, SOL.SOCKET, SO.RCVBUFFORCE, BUFFER_BYTES);
    bind(fd, new ByteWriter(12).u16(AF.NETLINK).u16(0).u32(0).u32(0).finish());
    for (const group of Object.values(RTNLGRP)) {
      setSocketOption(fd, SOL.NETLINK, NETLINK_OPTION.ADD_MEMBERSHIP, group);
    }
    return fd;
  } catch (cause) {
    close(fd);
    throw cause;
  }
}

/** Has libuv read from `fd`, which it owns from now on. */
function adopt(fd: number): Socket {
  const [place, other] = socketpair(AF.UNIX, SOCK.STREAM | SOCK.CLOEXEC);
  try {
    const stream = new Socket({ fd: place, readable: true, writable: false });
    dup3(fd, place, SOCK.CLOEXEC);
    return stream;
  } finally {
    close(other);
    close(fd);
  }
}
