/**
 * The store on one host's disk: a SQLite file in WAL mode that the sqlite3 shell can read while the daemon runs
 * (`sqlite3 FILE "select collection, id, value from records"`). synchronous=NORMAL: a commit costs no fsync; a power cut may
 * take back the newest commits but never tears one (https://sqlite.org/wal.html).
 *
 * A file that cannot be trusted (damaged, another program's, a newer schema) is refused with `unavailable`, naming the path
 * and what mends it, and is left as it is.
 */
import { chmodSync, closeSync, openSync } from "node:fs";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { EngineError, messageOf } from "../base/errors.ts";
import { revisionConflict } from "./memory-store.ts";
import { decodeRecord, encodeRecord } from "./record-text.ts";
import { migrate } from "./sqlite-schema.ts";
import type { Change, Store, StoredRecord } from "./store.ts";

/** Intents may hold secrets (environment variables), so nobody else may read the file; SQLite gives -wal and -shm its mode. */
const PRIVATE = 0o600;

/** How long a commit waits for a sqlite3 shell that holds the write lock. The main thread waits with it, so it is short. */
const BUSY_TIMEOUT_MS = 500;

/** Opens or creates the file (mode 0600; its directory must exist). Throws `unavailable`. */
export function openSqliteStore(path: string): Store {
  let database: DatabaseSync | undefined;
  try {
    createPrivately(path);
    database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    assertSound(database);
    migrate(database, path);
    chmodSync(path, PRIVATE);
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    return new SqliteStore(database, path);
  } catch (cause) {
    database?.close();
    throw translate(cause, "open", path);
  }
}

class SqliteStore implements Store {
  readonly #database: DatabaseSync;
  readonly #path: string;
  readonly #select: StatementSync;
  readonly #selectAll: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #delete: StatementSync;

  constructor(database: DatabaseSync, path: string) {
    this.#database = database;
    this.#path = path;
    this.#select = database.prepare("SELECT id, revision, value FROM records WHERE collection = ? AND id = ?");
    this.#selectAll = database.prepare(
      "SELECT id, revision, value FROM records WHERE collection = ? ORDER BY position",
    );
    this.#insert = database.prepare("INSERT INTO records (collection, id, revision, value) VALUES (?, ?, 1, ?)");
    this.#update = database.prepare("UPDATE records SET revision = ?, value = ? WHERE collection = ? AND id = ?");
    this.#delete = database.prepare("DELETE FROM records WHERE collection = ? AND id = ?");
  }

  get(collection: string, id: string): StoredRecord | undefined {
    const row = this.#guard("read", () => this.#select.get(collection, id));
    return row === undefined ? undefined : this.#toRecord(row, collection);
  }

  list(collection: string): readonly StoredRecord[] {
    const rows = this.#guard("read", () => this.#selectAll.all(collection));
    return rows.map((row) => this.#toRecord(row, collection));
  }

  commit(changes: readonly Change[]): void {
    this.#guard("write", () => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        for (const change of changes) this.#apply(change);
        this.#database.exec("COMMIT");
      } catch (cause) {
        if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
        throw cause;
      }
    });
  }

  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #apply(change: Change): void {
    const collection = "put" in change ? change.put : change.remove;
    const where = `${collection}/${change.id}`;
    const revision = Number(this.#select.get(collection, change.id)?.["revision"] ?? 0);
    if (change.expected !== undefined && change.expected !== revision) {
      throw revisionConflict(where, change.expected, revision);
    }
    if ("remove" in change) {
      this.#delete.run(collection, change.id);
    } else if (revision === 0) {
      this.#insert.run(collection, change.id, encodeRecord(change.value, where));
    } else {
      this.#update.run(revision + 1, encodeRecord(change.value, where), collection, change.id);
    }
  }

  #toRecord(row: Record<string, unknown>, collection: string): StoredRecord {
    const id = String(row["id"]);
    try {
      return { id, value: decodeRecord(String(row["value"])), revision: Number(row["revision"]) };
    } catch (cause) {
      const query = `select value from records where collection='${collection}' and id='${id}'`;
      throw new EngineError(
        "unavailable",
        `read store ${this.#path}: record ${collection}/${id} is not JSON: ${messageOf(cause)}; ` +
          `see it with \`sqlite3 ${this.#path} "${query}"\` and correct or delete the row`,
        { cause },
      );
    }
  }

  #guard<T>(doing: string, body: () => T): T {
    if (!this.#database.isOpen) throw new EngineError("unavailable", "the store is closed");
    try {
      return body();
    } catch (cause) {
      throw translate(cause, doing, this.#path);
    }
  }
}

/** Made with its mode before SQLite opens it, so that there is no moment in which others can. */
function createPrivately(path: string): void {
  try {
    closeSync(openSync(path, "wx", PRIVATE));
  } catch (cause) {
    if (errorField(cause, "code") !== "EEXIST") throw cause;
  }
}

/** Reads every page before the first write, so that a damaged file is never written to. About 1 ms per 10,000 records. */
function assertSound(database: DatabaseSync): void {
  const findings = database.prepare("PRAGMA quick_check(1)").all();
  const finding = findings[0]?.["quick_check"];
  if (finding !== "ok") throw Object.assign(new Error(String(finding)), { errcode: SQLITE_CORRUPT });
}

/** Result codes of SQLite (https://sqlite.org/rescode.html); the low byte of an extended code is its primary code. */
const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

function translate(cause: unknown, doing: string, path: string): EngineError {
  if (cause instanceof EngineError) return cause;
  return new EngineError("unavailable", `${doing} store ${path}: ${messageOf(cause)}; ${remedy(cause, path)}`, {
    cause,
  });
}

function remedy(cause: unknown, path: string): string {
  const code = errorField(cause, "errcode");
  const primary = typeof code === "number" ? code & 0xff : undefined;
  if (primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB) {
    return `the file is damaged: save what can be read with \`sqlite3 ${path} .recover\`, then move the file away`;
  }
  if (primary === SQLITE_BUSY) return `another program holds it locked: find it with \`fuser -v ${path}\``;
  return `check the directory and the disk with \`ls -ld ${path}\` and \`df ${path}\``;
}

function errorField(thrown: unknown, field: "code" | "errcode"): unknown {
  const value: unknown = thrown instanceof Error ? Reflect.get(thrown, field) : undefined;
  return value;
}
