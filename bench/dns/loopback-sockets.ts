/** Stands in for the kernel thread where no namespace is needed: opens sockets where the process is. */
import koffi from "koffi";
import { parseAddress } from "../../src/addr/ip-address.ts";
import { encodeSocketAddress } from "../../src/dns/forward/socket-address.ts";
import { ADDRESS_FAMILY, errnoName, lastErrno, libc, SOCKET } from "../../src/dns/server/libc.ts";
import type { OpenedSocket, SocketRequest } from "../../src/kernel/kernel.ts";

const lib = koffi.load(null);
const bind: (fd: number, address: Uint8Array, size: number) => number = lib.func("int bind(int, void *, uint)");
const listen: (fd: number, backlog: number) => number = lib.func("int listen(int, int)");
const getsockname: (fd: number, address: Uint8Array, size: Uint8Array) => number = lib.func(
  "int getsockname(int, void *, void *)",
);

/** As `Kernel.openSockets`, whatever the namespace. */
export function openLoopbackSockets(_namespace: string, requests: readonly SocketRequest[]): Promise<OpenedSocket[]> {
  return Promise.resolve(requests.map(openOne));
}

function openOne(request: SocketRequest): OpenedSocket {
  const type = request.transport === "udp" ? SOCKET.DGRAM : SOCKET.STREAM;
  const family = request.family === 4 ? ADDRESS_FAMILY.INET : ADDRESS_FAMILY.INET6;
  const fd = check("socket", libc.socket(family, type | SOCKET.NONBLOCK | SOCKET.CLOEXEC, 0));
  if (request.bind === undefined) return { fd, port: 0 };
  const address = encodeSocketAddress(parseAddress(request.bind.address), request.bind.port);
  check("bind", bind(fd, address, address.length));
  if (request.transport === "tcp") check("listen", listen(fd, 128));
  check("getsockname", getsockname(fd, address, new Uint8Array(Uint32Array.of(address.length).buffer)));
  return { fd, port: ((address[2] ?? 0) << 8) | (address[3] ?? 0) };
}

function check(operation: string, result: number): number {
  if (result < 0) throw new Error(`${operation}: ${errnoName(lastErrno())}`);
  return result;
}
