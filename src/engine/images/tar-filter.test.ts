/** Archives that GNU tar wrote, in each of its formats, judged by GNU tar. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { filterTar } from "./tar-filter.ts";

const LONG = `${"d".repeat(60)}/${"n".repeat(90)}`;
let directory: string;

before(() => {
  directory = mkdtempSync(join(tmpdir(), "causeway-tar-"));
  const root = join(directory, "root");
  mkdirSync(join(root, "etc"), { recursive: true });
  mkdirSync(join(root, "d".repeat(60)));
  for (const name of ["etc/hosts", "etc/passwd", "hosts", LONG]) writeFileSync(join(root, name), name.repeat(200));
});

after(() => rmSync(directory, { recursive: true }));

function archive(format: string): Buffer {
  return execFileSync("tar", ["-C", join(directory, "root"), `--format=${format}`, "-cf", "-", "."]);
}

function list(tar: Uint8Array): readonly string[] {
  return execFileSync("tar", ["tf", "-"], { input: tar, encoding: "utf8" }).trimEnd().split("\n").sort();
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function filtered(tar: Uint8Array, drops: (path: string) => boolean, size = 700): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of filterTar(inPieces(tar, size), drops)) pieces.push(piece);
  return Buffer.concat(pieces);
}

for (const format of ["gnu", "pax", "ustar"]) {
  test(`an entry goes and all others stay, ${format}`, async () => {
    const whole = archive(format);
    const less = await filtered(whole, (path) => path === "etc/hosts");
    assert.deepEqual(
      list(less),
      list(whole).filter((name) => name !== "./etc/hosts"),
    );
    const unpacked = execFileSync("tar", ["xOf", "-", `./${LONG}`], { input: less, encoding: "utf8" });
    assert.equal(unpacked, LONG.repeat(200));
  });

  test(`a long path is known by its extension, which goes with it, ${format}`, async () => {
    const less = await filtered(archive(format), (path) => path === LONG);
    assert.ok(!list(less).includes(`./${LONG}`));
    assert.ok(!less.includes("n".repeat(90)));
  });
}

test("where nothing is left out the bytes are the same, however they are cut", async () => {
  const whole = archive("pax");
  for (const size of [1, 511, 512, 100_000]) assert.ok((await filtered(whole, () => false, size)).equals(whole));
});

test("an archive that ends too early is refused", async () => {
  const whole = archive("gnu");
  await assert.rejects(
    filtered(whole.subarray(0, 700), () => false),
    /tar: it ends too early/,
  );
});
