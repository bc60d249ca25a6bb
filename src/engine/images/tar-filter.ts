/**
 * Leaves entries out of a tar stream (POSIX.1-2017 pax, `ustar` and GNU headers) and passes all others on byte for byte, so
 * that nothing of them is lost that a parser and writer would not know. An entry's extension headers go with it.
 *
 *     0 name 100   124 size 12   156 type 1   345 prefix 155      512 bytes, then the data, padded to 512
 */
import { EngineError } from "../../base/errors.ts";

const BLOCK = 512;
/** Extension headers hold a path and some attributes. */
const MAX_EXTENSION = 1024 * 1024;

interface Header {
  readonly type: string;
  /** Bytes of data, without padding. */
  readonly size: number;
  readonly name: string;
}

/** The stream without the entries whose path (no leading or trailing slash) `drops` says yes to. */
export async function* filterTar(
  source: AsyncIterable<Uint8Array>,
  drops: (path: string) => boolean,
): AsyncGenerator<Uint8Array> {
  const input = new BlockReader(source);
  let extensions: Uint8Array[] = [];
  let longName: string | undefined;
  for (let block = await input.read(BLOCK); block !== undefined; block = await input.read(BLOCK)) {
    const header = decodeHeader(block);
    if (header === undefined) {
      yield block;
      continue;
    }
    const padded = Math.ceil(header.size / BLOCK) * BLOCK;
    if ("xLK".includes(header.type)) {
      if (padded > MAX_EXTENSION) throw new EngineError("internal", `tar: an extension header of ${padded} bytes`);
      const data = await input.readAll(padded);
      extensions.push(block, data);
      longName = nameIn(header, data.subarray(0, header.size)) ?? longName;
      continue;
    }
    const path = (longName ?? header.name).replace(/^(\.?\/)+|\/+$/g, "");
    const dropped = header.type !== "g" && drops(path);
    if (!dropped) yield* [...extensions, block];
    for (let left = padded; left > 0;) {
      const piece = await input.readSome(left);
      left -= piece.length;
      if (!dropped) yield piece;
    }
    extensions = [];
    longName = undefined;
  }
}

/** Undefined for a block of zeros, of which two end the archive. */
function decodeHeader(block: Uint8Array): Header | undefined {
  if (block.every((byte) => byte === 0)) return undefined;
  const prefix = text(block, 257, 5) === "ustar" ? text(block, 345, 155) : "";
  const name = text(block, 0, 100);
  return {
    type: String.fromCharCode(block[156] ?? 0),
    size: decodeNumber(block.subarray(124, 136)),
    name: prefix === "" ? name : `${prefix}/${name}`,
  };
}

/** Octal text, or GNU's base 256 for what does not fit. */
function decodeNumber(field: Uint8Array): number {
  if (((field[0] ?? 0) & 0x80) === 0) return Number.parseInt(text(field, 0, field.length).trim() || "0", 8);
  return field.subarray(1).reduce((value, byte) => value * 256 + byte, (field[0] ?? 0) & 0x7f);
}

/** The path of the next entry, where this extension says one: GNU's `L`, or `path` among pax's `LENGTH KEY=VALUE` lines. */
function nameIn(header: Header, data: Uint8Array): string | undefined {
  if (header.type === "L") return text(data, 0, data.length);
  if (header.type !== "x") return undefined;
  for (let at = 0; at < data.length;) {
    const space = data.indexOf(0x20, at);
    const length = Number(text(data, at, Math.max(0, space - at)));
    if (space < 0 || !Number.isInteger(length) || length <= space - at) return undefined;
    const line = Buffer.from(data.subarray(space + 1, at + length - 1)).toString("utf8");
    if (line.startsWith("path=")) return line.slice("path=".length);
    at += length;
  }
  return undefined;
}

function text(bytes: Uint8Array, start: number, size: number): string {
  const field = bytes.subarray(start, start + size);
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString("utf8");
}

/** Pieces of the sizes that are asked for, out of pieces as they come. */
class BlockReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Exactly so many bytes; undefined at the end. Throws when the end comes in between. */
  async read(size: number): Promise<Uint8Array | undefined> {
    if (this.#held.length === 0 && !(await this.#fill())) return undefined;
    return this.readAll(size);
  }

  async readAll(size: number): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for (let left = size; left > 0;) {
      const piece = await this.readSome(left);
      pieces.push(piece);
      left -= piece.length;
    }
    return pieces.length === 1 ? (pieces[0] ?? this.#held) : Buffer.concat(pieces);
  }

  /** At least one byte, at most so many. */
  async readSome(most: number): Promise<Uint8Array> {
    if (this.#held.length === 0 && !(await this.#fill())) throw new EngineError("internal", "tar: it ends too early");
    const piece = this.#held.subarray(0, most);
    this.#held = this.#held.subarray(piece.length);
    return piece;
  }

  async #fill(): Promise<boolean> {
    while (this.#held.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      this.#held = next.value;
    }
    return true;
  }
}
