/** Reading files through layers, hostile links included. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { layerDirectories, readRootFile } from "./root-files.ts";

let base: string;
let layers: readonly string[];

before(() => {
  base = mkdtempSync(join(tmpdir(), "layers-"));
  layers = ["upper", "lower"].map((name) => join(base, name));
  for (const layer of layers) mkdirSync(join(layer, "etc"), { recursive: true });
  writeFileSync(join(base, "upper/etc/passwd"), "upper");
  writeFileSync(join(base, "lower/etc/passwd"), "lower");
  writeFileSync(join(base, "lower/etc/group"), "group");
  mkdirSync(join(base, "lower/usr/etc"), { recursive: true });
  writeFileSync(join(base, "lower/usr/etc/shadow"), "linked");
  symlinkSync("../usr/etc/shadow", join(base, "upper/etc/relative"));
  symlinkSync("/usr/etc/shadow", join(base, "upper/etc/absolute"));
  symlinkSync("../../../../../../../../etc/hostname", join(base, "upper/etc/escape"));
  symlinkSync("loop", join(base, "upper/etc/loop"));
});

after(() => rmSync(base, { recursive: true }));

test("the topmost layer that has a file wins", () => {
  assert.equal(readRootFile(layers, "/etc/passwd"), "upper");
  assert.equal(readRootFile(layers, "/etc/group"), "group");
  assert.equal(readRootFile(layers, "/etc/none"), undefined);
  assert.equal(readRootFile(layers, "/etc"), undefined);
});

test("symbolic links stay inside the container", () => {
  assert.equal(readRootFile(layers, "/etc/relative"), "linked");
  assert.equal(readRootFile(layers, "/etc/absolute"), "linked");
  assert.equal(readRootFile(layers, "/etc/escape"), undefined);
  assert.equal(readRootFile(layers, "/etc/loop"), undefined);
});

test("the layers of an overlay are its upper directory and then its lower ones", () => {
  const options = ["workdir=/w", "upperdir=/u", "lowerdir=/l1:/l2"];
  assert.deepEqual(layerDirectories([{ type: "overlay", source: "overlay", options }]), ["/u", "/l1", "/l2"]);
  assert.deepEqual(layerDirectories([{ type: "bind", source: "/b", options: ["rbind"] }]), ["/b"]);
});
