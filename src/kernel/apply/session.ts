/**
 * What one batch of steps holds open: a netlink socket per namespace it touches, and descriptors of namespaces it names.
 * A socket keeps its namespace alive, so a session ends with its batch, and `forget` lets go of a namespace early.
 */
import { closeSync } from "node:fs";
import { HOST, type NamespaceRef } from "../facts.ts";
import { NetlinkSocket } from "../netlink/socket.ts";
import type { Namespaces } from "../system/namespace.ts";

export class Session implements Disposable {
  readonly namespaces: Namespaces;
  readonly #sockets = new Map<NamespaceRef, NetlinkSocket>();
  readonly #fds = new Map<NamespaceRef, number>();

  constructor(namespaces: Namespaces) {
    this.namespaces = namespaces;
  }

  /** A socket inside the namespace. Throws KernelError ENOENT when there is no such namespace. */
  socket(namespace: NamespaceRef): NetlinkSocket {
    const known = this.#sockets.get(namespace);
    if (known !== undefined) return known;
    const socket = this.namespaces.inside(namespace, () => NetlinkSocket.open());
    this.#sockets.set(namespace, socket);
    return socket;
  }

  /** A descriptor of the namespace, to name it in a message. */
  namespaceFd(namespace: NamespaceRef): number {
    if (namespace === HOST) return this.namespaces.homeFd;
    const known = this.#fds.get(namespace);
    if (known !== undefined) return known;
    const fd = this.namespaces.open(namespace);
    this.#fds.set(namespace, fd);
    return fd;
  }

  /** Closes what is open of the namespace, before it is removed. */
  forget(namespace: NamespaceRef): void {
    this.#sockets.get(namespace)?.[Symbol.dispose]();
    this.#sockets.delete(namespace);
    const fd = this.#fds.get(namespace);
    if (fd !== undefined) closeSync(fd);
    this.#fds.delete(namespace);
  }

  [Symbol.dispose](): void {
    for (const namespace of [...this.#sockets.keys(), ...this.#fds.keys()]) this.forget(namespace);
  }
}
