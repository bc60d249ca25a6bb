/**
 * One connection to one ZooKeeper server, and the session that it holds: requests in order, watch events, pings. It dies for
 * good when the server is silent for two thirds of the session's time, answers what is not ZooKeeper's, or closes; then every
 * request ends. A session that outlives its connection is taken up by the next (`resume`).
 */
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { messageOf } from "../../base/errors.ts";
import { afterPatience } from "../../base/patience.ts";
import { ByteReader, WireError } from "../../wire/byte-reader.ts";
import { ByteWriter } from "../../wire/byte-writer.ts";
import type { StoreHost, StoreTls } from "../store-address.ts";
import { encodeFrame, FrameReader } from "./frames.ts";
import {
  decodeConnect,
  decodeEvent,
  encodeConnect,
  int,
  OPCODE,
  PASSWORD_BYTES,
  readInt,
  readLong,
  XID,
  ZERROR,
  type ConnectReply,
} from "./jute.ts";

/** The server has an answer, and it is no. */
export class ZookeeperError extends Error {
  readonly code: number;
  constructor(code: number) {
    super(errorText(code));
    this.code = code;
  }
}

/** The server took the connection and dropped it, as one does that has no majority at the moment. */
export class ServerClosed extends Error {}

export interface ConnectOptions {
  readonly host: StoreHost;
  readonly tls?: StoreTls;
  /** What to ask for; the server grants what it likes. */
  readonly sessionTimeoutMs: number;
  readonly resume?: { readonly id: bigint; readonly password: Uint8Array };
  /** For the connection and the server's first answer. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly onEvent?: (path: string) => void;
}

const LAST_LOOK_MS = 100;

interface Pending {
  readonly xid: number;
  readonly resolve: (reply: ByteReader) => void;
  readonly reject: (error: Error) => void;
}

export class ZookeeperConnection {
  /** Resolves with why the connection is no more. */
  readonly closed: Promise<string>;
  readonly #socket: Socket;
  readonly #session: ConnectReply;
  readonly #onEvent: (path: string) => void;
  readonly #pending: Pending[] = [];
  readonly #pings: NodeJS.Timeout;
  #heardAt = performance.now();
  #xid = 0;
  #why: string | undefined;
  readonly #resolveClosed: (reason: string) => void;

  private constructor(socket: Socket, frames: FrameReader, session: ConnectReply, onEvent: (path: string) => void) {
    this.#socket = socket;
    this.#session = session;
    this.#onEvent = onEvent;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    socket.on("data", (chunk) => this.#receive(frames, chunk));
    socket.once("error", (error) => this.destroy(messageOf(error)));
    socket.once("close", () => this.destroy("the connection was closed"));
    this.#pings = setInterval(() => this.#ping(), session.timeoutMs / 3).unref();
  }

  /** Throws ZookeeperError `SESSION_EXPIRED` when the session to resume is over, else Error with why there is no connection. */
  static async open(options: ConnectOptions): Promise<ZookeeperConnection> {
    const { host, tls, resume, signal } = options;
    signal.throwIfAborted();
    const to = { host: host.host, port: host.port };
    const socket = tls === undefined ? connectTcp(to) : connectTls({ ...to, ...tls });
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const frames = new FrameReader();
    const callOff = afterPatience(options.timeoutMs, () => reject(new Error("no answer in time")));
    const abort = (): void => reject(new Error("given up"));
    const first = (chunk: Buffer): void => {
      try {
        for (const frame of frames.push(chunk)) resolve(frame);
      } catch (error) {
        reject(notZookeeper(error));
      }
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.on("error", (error) => reject(isReset(error) ? new ServerClosed(error.message) : error));
    socket.once("close", () => reject(new ServerClosed("the server closed the connection")));
    socket.on("data", first).setNoDelay(true);
    const { id, password } = resume ?? { id: 0n, password: new Uint8Array(PASSWORD_BYTES) };
    socket.write(encodeFrame(encodeConnect(options.sessionTimeoutMs, id, password)));
    try {
      const session = readSession(await promise);
      socket.off("data", first);
      return new ZookeeperConnection(socket, frames, session, options.onEvent ?? ((): void => undefined));
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      callOff();
      signal.removeEventListener("abort", abort);
    }
  }

  get alive(): boolean {
    return this.#why === undefined;
  }

  get sessionId(): bigint {
    return this.#session.sessionId;
  }

  get password(): Uint8Array {
    return this.#session.password;
  }

  get sessionTimeoutMs(): number {
    return this.#session.timeoutMs;
  }

  /** Requests are carried out in order. Throws ZookeeperError, or Error when there was no answer. */
  async request(opcode: number, record: Uint8Array): Promise<ByteReader> {
    if (this.#why !== undefined) throw new Error(this.#why);
    this.#xid = (this.#xid + 1) & 0x7fff_ffff;
    const { promise, resolve, reject } = Promise.withResolvers<ByteReader>();
    this.#pending.push({ xid: this.#xid, resolve, reject });
    this.#send(this.#xid, opcode, record);
    return promise;
  }

  /** Ends the session with its ephemeral nodes, if the server answers in time. */
  async close(timeoutMs: number): Promise<void> {
    if (!this.alive) return;
    const timer = setTimeout(() => this.destroy("no answer in time"), timeoutMs);
    try {
      await this.request(OPCODE.CLOSE_SESSION, new Uint8Array());
    } catch {
      // It ends by itself, later.
    } finally {
      clearTimeout(timer);
      this.destroy("the session was closed");
    }
  }

  /** Lets go of the connection, not of the session. */
  destroy(reason: string): void {
    if (this.#why !== undefined) return;
    this.#why = reason;
    clearInterval(this.#pings);
    this.#socket.destroy();
    for (const { reject } of this.#pending.splice(0)) reject(new Error(reason));
    this.#resolveClosed(reason);
  }

  #send(xid: number, opcode: number, record: Uint8Array): void {
    // What is sent in one turn leaves in one piece.
    if (this.#socket.writableCorked === 0) {
      this.#socket.cork();
      setImmediate(() => this.#socket.uncork());
    }
    this.#socket.write(encodeFrame(int(int(new ByteWriter(16), xid), opcode).finish(), record));
  }

  #ping(): void {
    this.#send(XID.PING, OPCODE.PING, new Uint8Array());
    // What it said may wait to be read, if this process was held up.
    if (this.#isSilent()) afterPatience(LAST_LOOK_MS, () => this.#isSilent() && this.destroy("the server is silent"));
  }

  #isSilent(): boolean {
    return performance.now() - this.#heardAt > (this.sessionTimeoutMs * 2) / 3;
  }

  #receive(frames: FrameReader, chunk: Buffer): void {
    this.#heardAt = performance.now();
    try {
      for (const frame of frames.push(chunk)) {
        if (this.alive) this.#take(new ByteReader(frame));
      }
    } catch (error) {
      this.destroy(notZookeeper(error).message);
    }
  }

  #take(reader: ByteReader): void {
    const xid = readInt(reader);
    readLong(reader);
    const code = readInt(reader);
    if (xid === XID.PING) return;
    if (xid === XID.NOTIFICATION) return this.#onEvent(decodeEvent(reader));
    const pending = this.#pending.shift();
    if (pending?.xid !== xid) throw new WireError(`an answer to request ${xid}`, 0);
    if (code === 0) pending.resolve(reader);
    else pending.reject(new ZookeeperError(code));
  }
}

function readSession(frame: Buffer): ConnectReply {
  let session: ConnectReply;
  try {
    session = decodeConnect(new ByteReader(frame));
  } catch (error) {
    throw notZookeeper(error);
  }
  if (session.timeoutMs <= 0) throw new ZookeeperError(ZERROR.SESSION_EXPIRED);
  return session;
}

function isReset(error: Error): boolean {
  return "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");
}

function notZookeeper(error: unknown): Error {
  return new Error(`an answer that is not ZooKeeper's: ${messageOf(error)}`, { cause: error });
}

function errorText(code: number): string {
  const name = Object.entries(ZERROR).find(([, value]) => value === code)?.[0];
  return name === undefined ? `ZooKeeper's error ${code}` : name.toLowerCase().replaceAll("_", " ");
}
