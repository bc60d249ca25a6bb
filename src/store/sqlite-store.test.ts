/** The store on disk keeps the contract, and what only a disk can do to it: restarts, damage, locks, foreign files. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, describe, it } from "node:test";
import { EngineError } from "../base/errors.ts";
import { openSqliteStore } from "./sqlite-store.ts";
import { storeContract } from "./store.contract.ts";

const directory = mkdtempSync(join(tmpdir(), "causeway-store-"));
after(() => rmSync(directory, { recursive: true }));

let files = 0;
const freshPath = (): string => join(directory, `${++files}.db`);

function sqlite(path: string, sql: string): unknown[] {
  const database = new DatabaseSync(path);
  try {
    return database
      .prepare(sql)
      .all()
      .map((row) => ({ ...row }));
  } finally {
    database.close();
  }
}

function filledStore(): string {
  const path = freshPath();
  using store = openSqliteStore(path);
  store.commit(
    Array.from({ length: 500 }, (_, index) => ({ put: "networks", id: `n${index}`, value: "x".repeat(200) })),
  );
  return path;
}

/** The error of opening (or of `body`), which must be `unavailable` and name the path. */
function refusal(path: string, body: () => unknown = () => openSqliteStore(path)): string {
  try {
    body();
  } catch (error) {
    assert.ok(error instanceof EngineError);
    assert.equal(error.code, "unavailable");
    assert.ok(error.message.includes(path), error.message);
    return error.message;
  }
  return assert.fail("nothing was refused");
}

storeContract("the SQLite store", () => openSqliteStore(freshPath()));

describe("the SQLite store on disk", () => {
  it("has its records again after it was closed and opened, in the same order", () => {
    const path = filledStore();
    using store = openSqliteStore(path);
    assert.equal(store.list("networks").length, 500);
    assert.equal(store.list("networks")[7]?.id, "n7");
  });

  it("is readable by another SQLite program while it is open", () => {
    const path = freshPath();
    using store = openSqliteStore(path);
    store.commit([{ put: "networks", id: "a", value: { name: "backend" } }]);
    const rows = sqlite(path, "select collection, id, json_extract(value, '$.name') as name from records");
    assert.deepEqual(rows, [{ collection: "networks", id: "a", name: "backend" }]);
    assert.equal(JSON.stringify(sqlite(path, "pragma journal_mode")), '[{"journal_mode":"wal"}]');
  });

  it("is readable by its owner only, with its side files", () => {
    const path = freshPath();
    using store = openSqliteStore(path);
    store.commit([{ put: "networks", id: "a", value: 1 }]);
    for (const file of [path, `${path}-wal`, `${path}-shm`]) assert.equal(statSync(file).mode & 0o777, 0o600, file);
  });

  it("keeps what was committed when its process is killed at once", () => {
    const path = freshPath();
    const module = new URL("sqlite-store.ts", import.meta.url).href;
    const program = `
      const { openSqliteStore } = await import(${JSON.stringify(module)});
      openSqliteStore(${JSON.stringify(path)}).commit([{ put: "networks", id: "a", value: 1 }]);
      process.kill(process.pid, "SIGKILL");`;
    assert.throws(() => execFileSync(process.execPath, ["--input-type=module", "-e", program], { stdio: "ignore" }));
    using store = openSqliteStore(path);
    assert.equal(store.get("networks", "a")?.value, 1);
  });

  it("refuses a file that is no database, names what mends it and leaves the file as it is", () => {
    const path = freshPath();
    writeFileSync(path, "this is not a database, though it is long enough to hold a header\n".repeat(50), {
      mode: 0o644,
    });
    const before = readFileSync(path);
    assert.match(refusal(path), /the file is damaged: .*sqlite3 .* \.recover/);
    assert.deepEqual(readFileSync(path), before);
    assert.equal(statSync(path).mode & 0o777, 0o644);
  });

  it("refuses a damaged database before writing to it", () => {
    const path = filledStore();
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 8192, 20000);
    writeFileSync(path, bytes);
    assert.match(refusal(path), /the file is damaged/);
    assert.deepEqual(readFileSync(path), bytes);
  });

  it("refuses a database that was cut short", () => {
    const path = filledStore();
    truncateSync(path, 12_288);
    assert.match(refusal(path), /the file is damaged/);
    assert.equal(statSync(path).size, 12_288);
  });

  it("refuses a schema that is newer than it knows, and says so", () => {
    const path = filledStore();
    sqlite(path, "pragma user_version = 99");
    assert.match(refusal(path), /its schema version 99 is newer than 1, the newest this causeway knows/);
    sqlite(path, "pragma user_version = 1");
    using store = openSqliteStore(path);
    assert.equal(store.list("networks").length, 500);
  });

  it("refuses another program's database", () => {
    const path = freshPath();
    sqlite(path, "create table songs (title text)");
    assert.match(refusal(path), /another program's SQLite database/);
  });

  it("refuses a directory that is not there", () => {
    const path = join(directory, "nowhere", "state.db");
    assert.match(refusal(path), /ENOENT.*check the directory/);
  });

  it("reports a value that someone made unreadable, with the command that shows it, and serves the others", () => {
    const path = freshPath();
    using store = openSqliteStore(path);
    store.commit([
      { put: "networks", id: "a", value: 1 },
      { put: "networks", id: "b", value: 2 },
    ]);
    sqlite(path, "update records set value = '{broken' where id = 'a'");
    assert.match(
      refusal(path, () => store.get("networks", "a")),
      /record networks\/a is not JSON.*`sqlite3 /,
    );
    assert.match(
      refusal(path, () => store.list("networks")),
      /record networks\/a is not JSON/,
    );
    assert.equal(store.get("networks", "b")?.value, 2);
  });

  it("gives up soon while another program holds the write lock, and loses nothing", () => {
    const path = freshPath();
    using store = openSqliteStore(path);
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    const startedMs = performance.now();
    assert.match(
      refusal(path, () => store.commit([{ put: "networks", id: "a", value: 1 }])),
      /locked.*fuser/,
    );
    assert.ok(performance.now() - startedMs < 3000);
    other.exec("ROLLBACK");
    other.close();
    store.commit([{ put: "networks", id: "a", value: 1 }]);
    assert.equal(store.get("networks", "a")?.revision, 1);
  });

  it("takes nothing of a commit that the disk refuses", () => {
    const path = freshPath();
    using store = openSqliteStore(path);
    store.commit([{ put: "networks", id: "a", value: 1 }]);
    sqlite(path, "create trigger full before insert on records begin select raise(fail, 'disk full'); end");
    const changes = [
      { put: "networks", id: "a", value: 2 },
      { put: "networks", id: "b", value: 3 },
    ];
    assert.match(
      refusal(path, () => store.commit(changes)),
      /disk full/,
    );
    assert.deepEqual(store.list("networks"), [{ id: "a", value: 1, revision: 1 }]);
  });
});
