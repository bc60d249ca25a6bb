import assert from "node:assert/strict";
import { appendFile, mkdtemp, open, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { parseAddress } from "../addr/ip-address.ts";
import { EtcFiles } from "./etc-files.ts";
import { ownHostsEntry } from "./hosts-file.ts";

const FRONTEND = [ownHostsEntry(parseAddress("172.19.0.3"), "c2")];

let directory: string;
let files: EtcFiles;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "etc-files-"));
  files = new EtcFiles(directory);
  await files.write({ hosts: "127.0.0.1\tlocalhost\n", hostname: "c2", resolvConf: "nameserver 192.0.2.1\n" });
});

afterEach(async () => rm(directory, { recursive: true }));

const text = (path: string): Promise<string> => readFile(path, "utf8");

test("the three files are written, readable by all, with a newline after the hostname", async () => {
  assert.equal(await text(files.paths.hosts), "127.0.0.1\tlocalhost\n");
  assert.equal(await text(files.paths.hostname), "c2\n");
  assert.equal(await text(files.paths.resolvConf), "nameserver 192.0.2.1\n");
  assert.equal((await stat(files.paths.hosts)).mode & 0o777, 0o644 & ~process.umask());
});

test("files keep their identity, since containers have them mounted", async () => {
  const { hosts, resolvConf } = files.paths;
  const inodes = async (): Promise<number[]> =>
    Promise.all([hosts, resolvConf].map(async (path) => (await stat(path)).ino));
  const before = await inodes();
  await files.addHosts(FRONTEND);
  await files.updateResolvConf("nameserver 127.0.0.11\n");
  await files.removeHosts(FRONTEND);
  await files.write({ hosts: "", hostname: "c2", resolvConf: "" });
  assert.deepEqual(await inodes(), before);
});

test("connect appends a line, disconnect removes it, and what users wrote survives in any encoding", async () => {
  await files.addHosts(FRONTEND);
  await appendFile(files.paths.hosts, Buffer.from([0x23, 0xff, 0xe9, 0x0a]));
  await appendFile(files.paths.hosts, "192.0.2.9\tmüller\n");
  await files.removeHosts(FRONTEND);
  const expected = [
    Buffer.from("127.0.0.1\tlocalhost\n"),
    Buffer.from([0x23, 0xff, 0xe9, 0x0a]),
    Buffer.from("192.0.2.9\tmüller\n"),
  ];
  assert.deepEqual(await readFile(files.paths.hosts), Buffer.concat(expected));
});

test("a copy of a file is true to its bytes, whatever its encoding", async () => {
  const bytes = Buffer.from([0x23, 0xff, 0xc3, 0xbc, 0x0a]);
  const copy = bytes.toString("latin1");
  await files.write({ hosts: copy, hostname: "c2", resolvConf: copy });
  assert.deepEqual(await readFile(files.paths.hosts), bytes);
  assert.deepEqual(await readFile(files.paths.resolvConf), bytes);
  assert.equal(await files.updateResolvConf(copy), true);
});

test("a name beyond ASCII is written in UTF-8 and removed again", async () => {
  const entries = [ownHostsEntry(parseAddress("192.0.2.9"), "müller")];
  await files.addHosts(entries);
  assert.match(await text(files.paths.hosts), /^192\.0\.2\.9\tmüller$/m);
  await files.removeHosts(entries);
  assert.equal(await text(files.paths.hosts), "127.0.0.1\tlocalhost\n");
});

test("many changes at once are all done", async () => {
  const entries = Array.from({ length: 50 }, (_, index) =>
    ownHostsEntry(parseAddress(`172.18.0.${index}`), `c${index}`),
  );
  await Promise.all(entries.map((entry) => files.addHosts([entry])));
  assert.equal((await text(files.paths.hosts)).split("\n").length, 52);
  await Promise.all(entries.map((entry) => files.removeHosts([entry])));
  assert.equal(await text(files.paths.hosts), "127.0.0.1\tlocalhost\n");
});

test("resolv.conf follows until somebody edits it, and is written anew at the next start", async () => {
  assert.equal(await files.updateResolvConf("nameserver 127.0.0.11\noptions ndots:0\n"), true);
  assert.equal(await files.updateResolvConf("nameserver 127.0.0.11\n"), true);
  assert.equal(await text(files.paths.resolvConf), "nameserver 127.0.0.11\n");
  await appendFile(files.paths.resolvConf, "search mine\n");
  assert.equal(await files.updateResolvConf("nameserver 127.0.0.11\n"), false);
  assert.match(await text(files.paths.resolvConf), /search mine/);
  await files.write({ hosts: "", hostname: "c2", resolvConf: "nameserver 192.0.2.2\n" });
  assert.equal(await text(files.paths.resolvConf), "nameserver 192.0.2.2\n");
  assert.equal(await files.updateResolvConf("nameserver 192.0.2.3\n"), true);
});

test("another process's EtcFiles knows from the hash file that nobody edited", async () => {
  assert.match(await text(files.paths.resolvConfHash), /^sha256:[0-9a-f]{64}$/);
  assert.equal(await new EtcFiles(directory).updateResolvConf("nameserver 127.0.0.11\n"), true);
});

test("a reader that has the file open never finds it empty", async () => {
  await using reader = await open(files.paths.resolvConf, "r");
  const state = { done: false };
  const writing = (async () => {
    for (let round = 0; round < 200; round++) {
      await files.updateResolvConf(round % 2 === 0 ? "nameserver 127.0.0.11\n" : "nameserver 192.0.2.1\n# long\n");
    }
    state.done = true;
  })();
  while (!state.done) assert.ok((await reader.read(Buffer.alloc(64), 0, 64, 0)).bytesRead > 0);
  await writing;
});

test("a hosts file that is gone stays gone, one that is absurdly large is refused and not read", async () => {
  await truncate(files.paths.hosts, 1 << 30);
  await assert.rejects(files.removeHosts(FRONTEND), /hosts: it has 1073741824 bytes/);
  await rm(files.paths.hosts);
  await files.removeHosts(FRONTEND);
  await assert.rejects(stat(files.paths.hosts), { code: "ENOENT" });
});

test("a symbolic link in place of a file is not followed", async () => {
  const elsewhere = join(directory, "elsewhere");
  await writeFile(elsewhere, "untouched");
  await rm(files.paths.hosts);
  await symlink(elsewhere, files.paths.hosts);
  await assert.rejects(files.write({ hosts: "x", hostname: "c2", resolvConf: "" }), /write .*hosts/);
  assert.equal(await text(elsewhere), "untouched");
});
