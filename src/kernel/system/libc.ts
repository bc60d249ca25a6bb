/**
 * The C library's functions that Node does not offer, called through koffi on the calling thread. Each takes and gives what
 * its man page says; a refusal is thrown as KernelError with the errno. Calls that a signal interrupted are repeated.
 */
import koffi from "koffi";
import { KernelError } from "../kernel-error.ts";

/** `linux/fcntl.h`, `linux/memfd.h`, `linux/wait.h`. */
const F_DUPFD_CLOEXEC = 1030;
const O_CLOEXEC = 0o2000000;
const MFD_CLOEXEC = 1;
const WNOHANG = 1;

const library = koffi.load(null);

type Argument = number | string | Uint8Array | null | readonly (string | null)[];
type Call = (...parameters: Argument[]) => number;

/** koffi types functions as `any`; this is where they get their real type. */
export function declare(prototype: string): Call {
  return library.func(prototype) as Call;
}

const calls = {
  socket: declare("int socket(int family, int type, int protocol)"),
  socketpair: declare("int socketpair(int family, int type, int protocol, _Out_ uint8_t *fds)"),
  bind: declare("int bind(int fd, const uint8_t *address, uint32_t length)"),
  getsockname: declare("int getsockname(int fd, _Out_ uint8_t *address, _Inout_ uint8_t *length)"),
  listen: declare("int listen(int fd, int backlog)"),
  setsockopt: declare("int setsockopt(int fd, int level, int option, const uint8_t *value, uint32_t length)"),
  getsockopt: declare("int getsockopt(int fd, int level, int option, _Inout_ uint8_t *value, _Inout_ uint8_t *length)"),
  send: declare("intptr_t send(int fd, const uint8_t *bytes, size_t length, int flags)"),
  sendto: declare(
    "intptr_t sendto(int fd, const uint8_t *bytes, size_t length, int flags, const uint8_t *to, uint32_t toLength)",
  ),
  if_nametoindex: declare("uint32_t if_nametoindex(const char *name)"),
  recv: declare("intptr_t recv(int fd, _Out_ uint8_t *bytes, size_t length, int flags)"),
  setns: declare("int setns(int fd, int type)"),
  unshare: declare("int unshare(int flags)"),
  mount: declare("int mount(const char *source, const char *target, const char *type, ulong flags, const void *data)"),
  umount2: declare("int umount2(const char *target, int flags)"),
  close: declare("int close(int fd)"),
  fcntl: declare("int fcntl(int fd, int command, ...)"),
  dup3: declare("int dup3(int from, int to, int flags)"),
  pipe2: declare("int pipe2(_Out_ uint8_t *fds, int flags)"),
  memfd_create: declare("int memfd_create(const char *name, unsigned int flags)"),
  waitpid: declare("int waitpid(int pid, _Out_ uint8_t *status, int options)"),
} as const;

/** Calls, repeats on EINTR, and throws what the kernel refuses. */
function call(name: keyof typeof calls, operation: string, parameters: Argument[]): number {
  for (;;) {
    const result = calls[name](...parameters);
    if (result >= 0) return result;
    const errno = koffi.errno();
    if (errno !== koffi.os.errno.EINTR) throw new KernelError({ operation, errno });
  }
}

/** Where a buffer's bytes are in memory: true for as long as it lives when it was made over an ArrayBuffer, or is large. */
export function addressOf(buffer: Uint8Array): bigint {
  return koffi.address(buffer);
}

export function socket(family: number, type: number, protocol: number): number {
  return call("socket", "open socket", [family, type, protocol]);
}

/** Two connected sockets. */
export function socketpair(family: number, type: number): readonly [number, number] {
  const fds = Int32Array.of(-1, -1);
  call("socketpair", "open socket pair", [family, type, 0, new Uint8Array(fds.buffer)]);
  return [fds[0] ?? -1, fds[1] ?? -1];
}

export function bind(fd: number, address: Uint8Array): void {
  call("bind", "bind socket", [fd, address, address.length]);
}

/** The address that a socket is bound to, as `struct sockaddr_in` or `sockaddr_in6`: at most `size` bytes. */
export function getsockname(fd: number, size: number): Uint8Array {
  const address = new Uint8Array(size);
  const length = Uint32Array.of(size);
  call("getsockname", "read socket address", [fd, address, new Uint8Array(length.buffer)]);
  return address.subarray(0, length[0]);
}

export function listen(fd: number, backlog: number): void {
  call("listen", "listen", [fd, backlog]);
}

export function setSocketOption(fd: number, level: number, option: number, value: number | Uint8Array): void {
  const bytes = typeof value === "number" ? new Uint8Array(Int32Array.of(value).buffer) : value;
  call("setsockopt", `set socket option ${level}/${option}`, [fd, level, option, bytes, bytes.length]);
}

/** What the option is; `value` has its size, and what the question needs. */
export function getSocketOption(
  fd: number,
  { level, option, value }: { readonly level: number; readonly option: number; readonly value: Uint8Array },
): Uint8Array {
  const answer = Uint8Array.from(value);
  const length = Uint32Array.of(value.length);
  call("getsockopt", `read socket option ${level}/${option}`, [
    fd,
    level,
    option,
    answer,
    new Uint8Array(length.buffer),
  ]);
  return answer.subarray(0, length[0]);
}

export function send(fd: number, bytes: Uint8Array): number {
  return call("send", "send", [fd, bytes, bytes.length, 0]);
}

/** `to` is a socket address as the socket's family has it. */
export function sendTo(fd: number, bytes: Uint8Array, to: Uint8Array): number {
  return call("sendto", "send", [fd, bytes, bytes.length, 0, to, to.length]);
}

/** The number of a link of the calling thread's namespace; 0 when there is none of that name. */
export function linkIndex(name: string): number {
  return calls.if_nametoindex(name);
}

/** The length of what came, which exceeds `buffer` when `flags` has MSG_TRUNC and it did not fit. */
export function receive(fd: number, buffer: Uint8Array, flags: number): number {
  return call("recv", "receive", [fd, buffer, buffer.length, flags]);
}

/** Reading and writing end of a pipe, close-on-exec. */
export function pipe(): readonly [number, number] {
  const fds = Int32Array.of(-1, -1);
  call("pipe2", "open pipe", [new Uint8Array(fds.buffer), O_CLOEXEC]);
  return [fds[0] ?? -1, fds[1] ?? -1];
}

/** A file without a name, close-on-exec. */
export function createMemoryFile(name: string): number {
  return call("memfd_create", "make memory file", [name, MFD_CLOEXEC]);
}

/** The status of a child that ended, which is then gone; undefined while it runs. */
export function reap(pid: number): number | undefined {
  const status = Int32Array.of(0);
  const ended = call("waitpid", `wait for process ${pid}`, [pid, new Uint8Array(status.buffer), WNOHANG]);
  return ended === 0 ? undefined : status[0];
}

/** Moves the calling thread, and no other, into the namespace behind `fd`. */
export function setns(fd: number, type: number): void {
  call("setns", "enter namespace", [fd, type]);
}

/** Moves the calling thread, and no other, into fresh namespaces. */
export function unshare(flags: number): void {
  call("unshare", "make namespace", [flags]);
}

/** `type` is a file system's name, or "none" where the flags say it all. */
export function mount(source: string, target: string, type: string, flags: number): void {
  call("mount", `mount ${target}`, [source, target, type, flags, null]);
}

export function unmount(target: string, flags: number): void {
  call("umount2", `unmount ${target}`, [target, flags]);
}

/** Another descriptor, close-on-exec, for the same open file or socket. */
export function duplicate(fd: number): number {
  return call("fcntl", "duplicate descriptor", [fd, F_DUPFD_CLOEXEC, "int", 0]);
}

/** Makes `to` mean what `from` means, closing what it meant before. */
export function dup3(from: number, to: number, flags: number): void {
  call("dup3", "duplicate descriptor", [from, to, flags]);
}

/**
 * Closes a descriptor that was opened here. Those that `node:fs` opened are for `node:fs` to close: a worker keeps a list of
 * them. On Linux the descriptor is gone even when close(2) fails, so there is nothing to report.
 */
export function close(fd: number): void {
  calls.close(fd);
}
