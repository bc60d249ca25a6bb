/**
 * The database's schema and how older ones become it. `PRAGMA user_version` holds the schema's version: 0 is a file that we
 * have never seen. Each migration lifts the file by one version inside one transaction, so a crash leaves the older, whole
 * version. A file from a newer causeway is refused and left as it is.
 */
import type { DatabaseSync } from "node:sqlite";
import { EngineError } from "../base/errors.ts";

type Migration = (database: DatabaseSync) => void;

/** Index n lifts version n to n + 1. Never edit an entry that was released; append. */
const MIGRATIONS: readonly Migration[] = [createRecords];

/** The version that this program reads and writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings the file up to date. Throws `unavailable` for a newer schema, or for another program's database. */
export function migrate(database: DatabaseSync, path: string): void {
  let version = readVersion(database);
  if (version > SCHEMA_VERSION) throw tooNew(path, version);
  if (version === 0 && hasTables(database)) throw foreign(path);
  for (; version < SCHEMA_VERSION; version++) {
    database.exec("BEGIN IMMEDIATE");
    try {
      MIGRATIONS[version]?.(database);
      database.exec(`PRAGMA user_version = ${version + 1}`);
      database.exec("COMMIT");
    } catch (cause) {
      if (database.isTransaction) database.exec("ROLLBACK");
      throw cause;
    }
  }
}

/** `position` keeps the order of first insertion, and is never used again after a removal. */
function createRecords(database: DatabaseSync): void {
  database.exec(`
    CREATE TABLE records (
      position   INTEGER PRIMARY KEY AUTOINCREMENT,
      collection TEXT NOT NULL,
      id         TEXT NOT NULL,
      revision   INTEGER NOT NULL,
      value      TEXT NOT NULL,
      UNIQUE (collection, id)
    ) STRICT`);
}

function readVersion(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.["user_version"]);
}

function hasTables(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() !== undefined;
}

function tooNew(path: string, version: number): EngineError {
  return new EngineError(
    "unavailable",
    `open store ${path}: its schema version ${version} is newer than ${SCHEMA_VERSION}, the newest this causeway knows; ` +
      `run the newer causeway again, or set the file aside with \`mv ${path} ${path}.v${version}\``,
  );
}

function foreign(path: string): EngineError {
  return new EngineError(
    "unavailable",
    `open store ${path}: the file is another program's SQLite database; choose another data root, ` +
      `or set the file aside with \`mv ${path} ${path}.foreign\``,
  );
}
