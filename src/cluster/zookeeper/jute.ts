/**
 * ZooKeeper's wire format (`zookeeper.jute` of ZooKeeper 3.8): requests to bytes, replies to values. Numbers are big-endian, a
 * buffer or string is an `int` of its length (-1: null) and its bytes, a vector an `int` of its count and its elements.
 *
 *     frame    = length:int  body
 *     request  = xid:int  opcode:int  record
 *     reply    = xid:int  zxid:long  error:int  record when error = 0
 *     multi    = (opcode:int  done:bool=0  -1:int  record)*  -1:int  done:bool=1  -1:int
 */
import { type ByteReader, WireError } from "../../wire/byte-reader.ts";
import { ByteWriter } from "../../wire/byte-writer.ts";

export const OPCODE = {
  CREATE: 1,
  DELETE: 2,
  GET_DATA: 4,
  SET_DATA: 5,
  SYNC: 9,
  PING: 11,
  GET_CHILDREN2: 12,
  CHECK: 13,
  MULTI: 14,
  REMOVE_WATCHES: 18,
  ADD_WATCH: 106,
  CLOSE_SESSION: -11,
} as const;

/** `KeeperException.Code`. */
export const ZERROR = {
  UNIMPLEMENTED: -6,
  NO_NODE: -101,
  BAD_VERSION: -103,
  NO_CHILDREN_FOR_EPHEMERALS: -108,
  NODE_EXISTS: -110,
  NOT_EMPTY: -111,
  SESSION_EXPIRED: -112,
  SESSION_MOVED: -118,
} as const;

/** Xids that are not a request's. */
export const XID = { NOTIFICATION: -1, PING: -2 } as const;

const OPEN_ACL_PERMISSIONS = 31;
const EPHEMERAL = 1;
const PERSISTENT_RECURSIVE = 1;
const ANY_WATCH = 3;
export const PASSWORD_BYTES = 16;

/** Of `Stat` what is needed. */
export interface ZookeeperStat {
  /** The transaction that wrote it last: differs for every write. */
  readonly mzxid: bigint;
  /** Counts writes since the node was made. */
  readonly version: number;
  /** 0 for a node that stays. */
  readonly ephemeralOwner: bigint;
  readonly children: number;
}

/** One operation of a `multi`. `version` -1: whichever. */
export type ZookeeperOperation =
  | { readonly op: "create"; readonly path: string; readonly data: string | null; readonly ephemeral: boolean }
  | { readonly op: "set"; readonly path: string; readonly data: string | null; readonly version: number }
  | { readonly op: "delete"; readonly path: string; readonly version: number }
  | { readonly op: "check"; readonly path: string; readonly version: number };

export interface ConnectReply {
  /** 0 or less: the session that was asked for is over. */
  readonly timeoutMs: number;
  readonly sessionId: bigint;
  readonly password: Uint8Array;
}

/** `sessionId` 0 asks for a new one. */
export function encodeConnect(timeoutMs: number, sessionId: bigint, password: Uint8Array): Uint8Array {
  const writer = new ByteWriter();
  // Protocol version, and the last zxid seen: reads are made current by `sync`, not by it.
  long(int(writer, 0), 0n);
  long(int(writer, timeoutMs), sessionId);
  return bytes(writer, password).u8(0).finish();
}

export function decodeConnect(reader: ByteReader): ConnectReply {
  readInt(reader);
  const timeoutMs = readInt(reader);
  const sessionId = readLong(reader);
  return { timeoutMs, sessionId, password: readBytes(reader) ?? new Uint8Array(PASSWORD_BYTES) };
}

export function encodePath(path: string): Uint8Array {
  return text(new ByteWriter(), path).finish();
}

/** Of `getData` and `getChildren2`, which leave no watch. */
export function encodeRead(path: string): Uint8Array {
  return text(new ByteWriter(), path).u8(0).finish();
}

export function encodeAddWatch(path: string): Uint8Array {
  return int(text(new ByteWriter(), path), PERSISTENT_RECURSIVE).finish();
}

export function encodeRemoveWatches(path: string): Uint8Array {
  return int(text(new ByteWriter(), path), ANY_WATCH).finish();
}

export function encodeMulti(operations: readonly ZookeeperOperation[]): Uint8Array {
  const writer = new ByteWriter(1024);
  for (const operation of operations) writeOperation(writer, operation);
  return int(int(writer, -1).u8(1), -1).finish();
}

/** The first error of a `multi`; undefined when it was carried out. */
export function decodeMulti(reader: ByteReader): { readonly index: number; readonly error: number } | undefined {
  for (let index = 0; ; index++) {
    const opcode = readInt(reader);
    const done = reader.u8() !== 0;
    readInt(reader);
    if (done) return undefined;
    if (opcode === OPCODE.CREATE) readBytes(reader);
    else if (opcode === OPCODE.SET_DATA) readStat(reader);
    else if (opcode === -1) {
      const error = readInt(reader);
      if (error !== 0) return { index, error };
    } else if (opcode !== OPCODE.DELETE && opcode !== OPCODE.CHECK) {
      throw new WireError(`result of operation ${opcode} in a multi`, reader.offset);
    }
  }
}

/** Null data is a node that holds nothing but others. */
export function decodeData(reader: ByteReader): { readonly data: string | null; readonly stat: ZookeeperStat } {
  const data = readBytes(reader);
  return { data: data === null ? null : Buffer.from(data).toString("utf8"), stat: readStat(reader) };
}

export function decodeChildren(reader: ByteReader): readonly string[] {
  const count = readInt(reader);
  const names: string[] = [];
  for (let index = 0; index < count; index++) names.push(readText(reader));
  return names;
}

/** The path of a watch's event. */
export function decodeEvent(reader: ByteReader): string {
  readInt(reader);
  readInt(reader);
  return readText(reader);
}

export function readInt(reader: ByteReader): number {
  return reader.u32be() | 0;
}

export function readLong(reader: ByteReader): bigint {
  return BigInt.asIntN(64, (BigInt(reader.u32be()) << 32n) | BigInt(reader.u32be()));
}

export function int(writer: ByteWriter, value: number): ByteWriter {
  return writer.u32be(value >>> 0);
}

function long(writer: ByteWriter, value: bigint): ByteWriter {
  const unsigned = BigInt.asUintN(64, value);
  return writer.u32be(Number(unsigned >> 32n)).u32be(Number(unsigned & 0xffff_ffffn));
}

function bytes(writer: ByteWriter, value: Uint8Array | null): ByteWriter {
  return value === null ? int(writer, -1) : int(writer, value.length).bytes(value);
}

function text(writer: ByteWriter, value: string | null): ByteWriter {
  return bytes(writer, value === null ? null : Buffer.from(value));
}

function readBytes(reader: ByteReader): Uint8Array | null {
  const length = readInt(reader);
  return length < 0 ? null : reader.take(length);
}

function readText(reader: ByteReader): string {
  return Buffer.from(readBytes(reader) ?? []).toString("utf8");
}

/**
 *      0 czxid   8 mzxid  16 ctime  24 mtime  32 version  36 cversion  40 aversion  44 ephemeralOwner
 *     52 dataLength  56 numChildren  60 pzxid  68
 */
function readStat(reader: ByteReader): ZookeeperStat {
  reader.skip(8);
  const mzxid = readLong(reader);
  reader.skip(16);
  const version = readInt(reader);
  reader.skip(8);
  const ephemeralOwner = readLong(reader);
  reader.skip(4);
  const children = readInt(reader);
  reader.skip(8);
  return { mzxid, version, ephemeralOwner, children };
}

function writeOperation(writer: ByteWriter, operation: ZookeeperOperation): void {
  const opcodes = { create: OPCODE.CREATE, set: OPCODE.SET_DATA, delete: OPCODE.DELETE, check: OPCODE.CHECK };
  int(int(writer, opcodes[operation.op]).u8(0), -1);
  text(writer, operation.path);
  if (operation.op === "create") {
    // One entry: world:anyone may do everything.
    text(text(int(int(text(writer, operation.data), 1), OPEN_ACL_PERMISSIONS), "world"), "anyone");
    int(writer, operation.ephemeral ? EPHEMERAL : 0);
    return;
  }
  if (operation.op === "set") text(writer, operation.data);
  int(writer, operation.version);
}
