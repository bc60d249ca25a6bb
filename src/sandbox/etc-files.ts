/**
 * A sandbox's hosts, hostname and resolv.conf in a directory of ours, bind-mounted over the image's files. Because they are
 * mounted they are always written in place, never renamed. New bytes go over the old ones and the file is cut afterwards,
 * so that a reader inside never meets an empty file. Writes to one sandbox's files are done one after the other.
 *
 * Containers can write to these files: they are read with a limit, and an edited resolv.conf is left alone.
 */
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../base/errors.ts";
import { addHostsLines, removeHostsLines, replaceHostsLines, type HostsEntry } from "./hosts-file.ts";

export interface EtcPaths {
  readonly hosts: string;
  readonly hostname: string;
  readonly resolvConf: string;
  /** `sha256:` and the digest of the resolv.conf that we wrote last. */
  readonly resolvConfHash: string;
}

/**
 * Whole texts: `formatHosts` or a copy of the host's file; `generateResolvConf` or a copy. One character per byte (latin1),
 * so that copies are true whatever their encoding; read files that way too.
 */
export interface EtcContent {
  readonly hosts: string;
  /** A name, without a newline. */
  readonly hostname: string;
  readonly resolvConf: string;
}

/** More than this in a hosts file was not put there by anything sensible; it is not read, and so not edited. */
const MAX_BYTES = 1 << 20;

export class EtcFiles {
  readonly paths: EtcPaths;
  #tail: Promise<unknown> = Promise.resolve();

  /** The directory exists and stays the caller's. */
  constructor(directory: string) {
    this.paths = EtcFiles.paths(directory);
  }

  static paths(directory: string): EtcPaths {
    return {
      hosts: join(directory, "hosts"),
      hostname: join(directory, "hostname"),
      resolvConf: join(directory, "resolv.conf"),
      resolvConfHash: join(directory, "resolv.conf.hash"),
    };
  }

  /** Writes all three anew, as at every start: edits of an earlier run are gone. */
  async write(content: EtcContent): Promise<void> {
    await this.#inTurn(async () => {
      await overwrite(this.paths.hosts, Buffer.from(content.hosts, "latin1"));
      await overwrite(this.paths.hostname, Buffer.from(`${content.hostname}\n`));
      await this.#writeResolvConf(Buffer.from(content.resolvConf, "latin1"));
    });
  }

  /** Appends a line per entry to hosts. */
  async addHosts(entries: readonly HostsEntry[]): Promise<void> {
    if (entries.length === 0) return;
    await this.#editHosts((text) => addHostsLines(text, entries));
  }

  /** Removes the lines of these entries from hosts and nothing else. Accepts absence, of the file too. */
  async removeHosts(entries: readonly HostsEntry[]): Promise<void> {
    if (entries.length === 0) return;
    await this.#editHosts((text) => removeHostsLines(text, entries));
  }

  /** Makes hosts have these entries, and no others, for these lists of names. Accepts absence of the file. */
  async replaceHosts(names: readonly (readonly string[])[], entries: readonly HostsEntry[]): Promise<void> {
    await this.#editHosts((text) => replaceHostsLines(text, names, entries));
  }

  /** Makes resolv.conf say this, unless somebody edited it since we last wrote it. Says whether it does. */
  async updateResolvConf(text: string): Promise<boolean> {
    return this.#inTurn(async () => {
      const bytes = Buffer.from(text, "latin1");
      const present = await readIfPresent(this.paths.resolvConf);
      if (present?.equals(bytes) === true) return true;
      if (await this.#resolvConfEdited()) return false;
      await this.#writeResolvConf(bytes);
      return true;
    });
  }

  async #writeResolvConf(bytes: Buffer): Promise<void> {
    // The hash goes first: a crash between the two makes us take the file for edited, which is the safe mistake.
    await overwrite(this.paths.resolvConfHash, Buffer.from(digest(bytes)));
    await overwrite(this.paths.resolvConf, bytes);
  }

  async #resolvConfEdited(): Promise<boolean> {
    const expected = await readIfPresent(this.paths.resolvConfHash);
    if (expected === undefined) return false;
    const bytes = await readIfPresent(this.paths.resolvConf);
    return bytes !== undefined && digest(bytes) !== expected.toString("latin1").trim();
  }

  async #editHosts(edit: (text: string) => string): Promise<void> {
    await this.#inTurn(async () => {
      const text = (await readIfPresent(this.paths.hosts))?.toString("latin1");
      if (text === undefined) return;
      const edited = edit(text);
      if (edited !== text) await overwrite(this.paths.hosts, Buffer.from(edited, "latin1"));
    });
  }

  async #inTurn<T>(body: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(body, body);
    this.#tail = turn.catch(() => undefined);
    return turn;
  }
}

function digest(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

async function overwrite(path: string, bytes: Buffer): Promise<void> {
  try {
    await using file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o644);
    await writeAll(file, bytes);
    await file.truncate(bytes.length);
  } catch (cause) {
    throw EngineError.wrap(cause, `write ${path}`);
  }
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let offset = 0; offset < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, offset, bytes.length - offset, offset);
    offset += bytesWritten;
  }
}

async function readIfPresent(path: string): Promise<Buffer | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    const { size } = await file.stat();
    if (size > MAX_BYTES) throw new EngineError("internal", `it has ${size} bytes, at most ${MAX_BYTES} are read`);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return undefined;
    throw EngineError.wrap(cause, `read ${path}`);
  }
}

function isErrno(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && "code" in thrown && thrown.code === code;
}
