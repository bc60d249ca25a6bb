/**
 * A netlink socket, of NETLINK_ROUTE unless asked otherwise. It stays in the network namespace in which it was opened,
 * wherever its thread goes, and keeps that namespace alive: close it soon. Requests go out several to a datagram and every answer is matched by its sequence
 * number; answers to nobody's question are dropped. An interrupted dump is repeated, a lost answer is an error.
 */
import { constants } from "node:os";
import { ByteWriter } from "../../wire/byte-writer.ts";
import { KernelError } from "../kernel-error.ts";
import { close, receive, send, setSocketOption, socket } from "../system/libc.ts";
import { NETLINK, NETLINK_OPTION, NLM_F, NLMSG } from "../uapi/netlink.ts";
import { AF, MSG, SO, SOCK, SOL } from "../uapi/system.ts";
import { decodeAcknowledgement, decodeMessages, writeRequest, type Message, type Request } from "./message.ts";

/** How one request went. */
export interface Answer {
  /** Positive; 0 is success. */
  readonly errno: number;
  /** The kernel's own sentence. */
  readonly text?: string;
  /** What it answered before the acknowledgement. */
  readonly messages: readonly Message[];
}

/** The kernel fills datagrams of a dump up to 32 KiB; a single answer may be larger. */
const RECEIVE_BYTES = 256 * 1024;
/** Answers are there when send(2) returns; waiting this long means that one was lost. */
const ANSWER_SECONDS = 5n;
/** Room for the kernel's own bookkeeping of a datagram that waits to be sent. */
const SEND_OVERHEAD = 4096;
/** A thousand links under churn interrupt a dump several times in a row. */
const DUMP_ATTEMPTS = 64;

/** What a kernel before 4.20 may not know; without them errors say less and dumps more. */
const NICETIES = [NETLINK_OPTION.EXT_ACK, NETLINK_OPTION.CAP_ACK, NETLINK_OPTION.GET_STRICT_CHK] as const;

/** One per thread, as calls never overlap; what is kept is copied. */
const buffer = new Uint8Array(RECEIVE_BYTES);

export class NetlinkSocket implements Disposable {
  readonly #fd: number;
  #sequence = 0;

  /** Takes over a descriptor on which netlink datagrams come and go. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Opens a socket in the namespace that the calling thread is in. Throws KernelError. */
  static open(protocol: number = NETLINK.ROUTE): NetlinkSocket {
    const fd = socket(AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, protocol);
    try {
      for (const option of NICETIES) enable(fd, option);
      setSocketOption(fd, SOL.SOCKET, SO.RCVTIMEO, new ByteWriter(16).u64(ANSWER_SECONDS).u64(0n).finish());
      setSocketOption(fd, SOL.SOCKET, SO.RCVBUF, RECEIVE_BYTES * 4);
    } catch (cause) {
      close(fd);
      throw cause;
    }
    return new NetlinkSocket(fd);
  }

  /**
   * Sends the requests in one datagram and returns how each went, in order. The kernel carries out all of them, also after
   * one that it refuses, and a signal cannot come in between.
   */
  execute(requests: readonly Request[]): readonly Answer[] {
    const first = this.#sequence + 1;
    const writer = new ByteWriter();
    for (const request of requests) {
      writeRequest(writer, { ...request, flags: request.flags | NLM_F.ACK }, ++this.#sequence);
    }
    send(this.#fd, writer.finish());
    const answers: (Answer | undefined)[] = requests.map(() => undefined);
    const collected: Message[][] = requests.map(() => []);
    for (let missing = requests.length; missing > 0;) {
      for (const message of this.#receive()) {
        const index = message.sequence - first;
        if (message.type !== NLMSG.ERROR) {
          collected[index]?.push(message);
        } else if (index in answers && answers[index] === undefined) {
          answers[index] = { ...decodeAcknowledgement(message), messages: collected[index] ?? [] };
          missing--;
        }
      }
    }
    return answers.filter((answer) => answer !== undefined);
  }

  /** All messages of a dump. Throws KernelError with `operation` when the kernel refuses. */
  dump(request: Request, operation: string): readonly Message[] {
    for (let attempt = 0; attempt < DUMP_ATTEMPTS; attempt++) {
      const messages = this.#dumpOnce(request, operation);
      if (messages !== undefined) return messages;
    }
    const detail = `the kernel's tables changed during each of ${DUMP_ATTEMPTS} reads`;
    throw new KernelError({ operation, errno: constants.errno.EINTR, detail });
  }

  /**
   * Sends a datagram as it is, however long, and returns all that the kernel answered while it carried it out. Where there
   * was no room for all answers, the last are missing.
   */
  exchange(datagram: Uint8Array): readonly Message[] {
    setSocketOption(this.#fd, SOL.SOCKET, SO.SNDBUFFORCE, datagram.length + SEND_OVERHEAD);
    send(this.#fd, datagram);
    const messages: Message[] = [];
    for (let length = this.#receiveNow(); length !== undefined; length = this.#receiveNow()) {
      messages.push(...decodeMessages(buffer.slice(0, length)));
    }
    return messages;
  }

  [Symbol.dispose](): void {
    close(this.#fd);
  }

  /** Undefined when the tables changed meanwhile. */
  #dumpOnce(request: Request, operation: string): readonly Message[] | undefined {
    const sequence = ++this.#sequence;
    const writer = new ByteWriter();
    writeRequest(writer, { ...request, flags: request.flags | NLM_F.DUMP }, sequence);
    send(this.#fd, writer.finish());
    const messages: Message[] = [];
    let interrupted = false;
    for (;;) {
      for (const message of this.#receive()) {
        if (message.sequence !== sequence) continue;
        interrupted ||= (message.flags & NLM_F.DUMP_INTR) !== 0;
        if (message.type !== NLMSG.ERROR && message.type !== NLMSG.DONE) messages.push(message);
        else return this.#endOfDump(message, operation, interrupted ? undefined : messages);
      }
    }
  }

  #endOfDump(
    last: Message,
    operation: string,
    messages: readonly Message[] | undefined,
  ): readonly Message[] | undefined {
    const { errno, text } = decodeAcknowledgement(last);
    if (errno === constants.errno.EINTR) return undefined;
    if (errno !== 0) throw new KernelError({ operation, errno, ...(text === undefined ? {} : { detail: text }) });
    return messages;
  }

  /** The messages of the next datagram, in memory of their own. */
  #receive(): readonly Message[] {
    const length = this.#await();
    if (length > buffer.length) {
      throw new KernelError({ operation: `receive an answer of ${length} bytes`, errno: constants.errno.EMSGSIZE });
    }
    return decodeMessages(buffer.slice(0, length));
  }

  /** The length of a datagram that has come already; undefined when none has. */
  #receiveNow(): number | undefined {
    const { EAGAIN, ENOBUFS } = constants.errno;
    try {
      return receive(this.#fd, buffer, MSG.DONTWAIT);
    } catch (cause) {
      if (!(cause instanceof KernelError)) throw cause;
      if (cause.errno === ENOBUFS) return 0;
      if (cause.errno === EAGAIN) return undefined;
      throw cause;
    }
  }

  #await(): number {
    try {
      return receive(this.#fd, buffer, MSG.TRUNC);
    } catch (cause) {
      if (!(cause instanceof KernelError) || cause.errno !== constants.errno.EAGAIN) throw cause;
      const detail = `no answer within ${ANSWER_SECONDS} s`;
      throw new KernelError({ operation: "ask the kernel", errno: constants.errno.ETIMEDOUT, detail }, { cause });
    }
  }
}

function enable(fd: number, option: number): void {
  try {
    setSocketOption(fd, SOL.NETLINK, option, 1);
  } catch (cause) {
    if (!(cause instanceof KernelError) || cause.errno !== constants.errno.ENOPROTOOPT) throw cause;
  }
}

/** Throws when the kernel refused; otherwise gives the answer back. Errnos in `accepted` count as success. */
export function demand(answer: Answer | undefined, operation: string, accepted: readonly number[] = []): Answer {
  if (answer === undefined) throw new KernelError({ operation, errno: 0, detail: "the kernel did not answer" });
  const { errno, text } = answer;
  if (errno === 0 || accepted.includes(errno)) return answer;
  throw new KernelError({ operation, errno, ...(text === undefined ? {} : { detail: text }) });
}
