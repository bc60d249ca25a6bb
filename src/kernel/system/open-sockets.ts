/**
 * Opens UDP and TCP sockets on the calling thread, in the namespace it is in. They are non-blocking and close-on-exec, and
 * belong to the caller, who may use them from any thread: a socket stays in the namespace it was opened in.
 */
import { constants } from "node:os";
import { addressBytes, tryParseAddress } from "../../addr/ip-address.ts";
import { ByteReader } from "../../wire/byte-reader.ts";
import { ByteWriter } from "../../wire/byte-writer.ts";
import type { OpenedSocket, SocketRequest } from "../kernel.ts";
import { KernelError } from "../kernel-error.ts";
import { AF, IPPROTO, IPV6, SO, SOCK, SOL } from "../uapi/system.ts";
import { addressOf, bind, close, getsockname, listen, setSocketOption, socket } from "./libc.ts";

const BACKLOG = 128;
/** `struct sockaddr_in6`, the larger one. */
const SOCKADDR_BYTES = 28;

/**
 * A filter for SO_ATTACH_FILTER, made once: five hundred ports are a thousand sockets. Both parts stay referenced, for the second
 * has the first one's address: a classic BPF program of one instruction (`struct sock_filter`: code, jt, jf, k), `ret #0`, which
 * lets no byte of any packet pass, and
 *
 *     struct sock_fprog:  0       2                8
 *                         | count | padding        | address of the program |
 */
const DROP_ALL = filterOf(new ByteWriter(8).u16(0x06).u8(0).u8(0).u32(0).finish());

function filterOf(instruction: Uint8Array): { readonly program: Uint8Array; readonly option: Uint8Array } {
  // In memory of its own: small arrays live among JavaScript's objects, which move.
  const program = new Uint8Array(new ArrayBuffer(instruction.length));
  program.set(instruction);
  return { program, option: new ByteWriter(16).u16(1).align(8).u64(addressOf(program)).finish() };
}

const ON = new ByteWriter(4).i32(1).finish();

interface BindPlace {
  readonly address: string;
  readonly port: number;
}

/** All of them or none. Throws KernelError that names the socket; `completed` is how many came before it. */
export function openSockets(requests: readonly SocketRequest[]): readonly OpenedSocket[] {
  const opened: OpenedSocket[] = [];
  try {
    for (const request of requests) openEach(request, opened);
    return opened;
  } catch (cause) {
    for (const { fd } of opened) close(fd);
    if (!(cause instanceof KernelError)) throw cause;
    throw new KernelError({ ...cause.toFailure(), completed: opened.length }, { cause });
  }
}

/** One socket, or one for each port of a range. */
function openEach(request: SocketRequest, opened: OpenedSocket[]): void {
  const { bind: place } = request;
  if (place === undefined) {
    opened.push(openSocket(request, undefined));
    return;
  }
  const { address, port: first, lastPort = first } = place;
  for (let port = first; port <= lastPort; port++) opened.push(openSocket(request, { address, port }));
}

function openSocket(request: SocketRequest, place: BindPlace | undefined): OpenedSocket {
  const type = request.transport === "udp" ? SOCK.DGRAM : SOCK.STREAM;
  const protocol = request.transport === "sctp" ? IPPROTO.SCTP : IPPROTO.DEFAULT;
  const fd = socket(request.family === 4 ? AF.INET : AF.INET6, type | SOCK.NONBLOCK | SOCK.CLOEXEC, protocol);
  try {
    // Before it is bound, so that not one packet gets through: a listening socket answers no SYN then, no datagram is queued.
    if (request.silent === true) setSocketOption(fd, SOL.SOCKET, SO.ATTACH_FILTER, DROP_ALL.option);
    return { fd, port: place === undefined ? 0 : bindSocket(fd, request, place) };
  } catch (cause) {
    close(fd);
    if (!(cause instanceof KernelError) || place === undefined) throw cause;
    const operation = `open ${request.transport} socket at ${place.address} port ${place.port}`;
    throw new KernelError({ ...cause.toFailure(), operation }, { cause });
  }
}

/** The port bound. */
function bindSocket(fd: number, request: SocketRequest, place: BindPlace): number {
  if (request.family === 6) setSocketOption(fd, SOL.IPV6, IPV6.V6ONLY, ON);
  const listens = request.transport !== "udp";
  if (listens) setSocketOption(fd, SOL.SOCKET, SO.REUSEADDR, ON);
  bind(fd, socketAddress(request.family, place));
  if (listens) listen(fd, BACKLOG);
  if (place.port !== 0) return place.port;
  const reader = new ByteReader(getsockname(fd, SOCKADDR_BYTES), 2);
  return reader.u16be();
}

/** `struct sockaddr_in` or `sockaddr_in6`: family, port in network order, then address (IPv6: behind a flow label). */
function socketAddress(family: 4 | 6, place: BindPlace): Uint8Array {
  const address = tryParseAddress(place.address);
  if (address?.family !== family || !Number.isInteger(place.port) || place.port < 0 || place.port > 65535) {
    throw new KernelError({ operation: "bind socket", errno: constants.errno.EINVAL, detail: "no such address" });
  }
  const writer = new ByteWriter(SOCKADDR_BYTES).u16(family === 4 ? AF.INET : AF.INET6).u16be(place.port);
  if (family === 4) return writer.bytes(addressBytes(address)).u32(0).u32(0).finish();
  return writer.u32(0).bytes(addressBytes(address)).u32(0).finish();
}
