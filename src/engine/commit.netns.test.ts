/** Containers become images over a real containerd; the layers are judged by GNU tar. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { ImageConfig } from "./image.ts";
import { exec, importBusybox, openTestEngine, ROOT, run, startLong, type TestEngine } from "./engine.fixture.ts";
import type { CommitOptions } from "./engine.ts";

let box: TestEngine;

before(async () => {
  box = await openTestEngine();
  await importBusybox(box.engine);
});

after(async () => {
  for (const { id } of box.engine.containers.list()) await box.engine.containers.remove(id, { force: true });
  await box[Symbol.asyncDispose]();
  assert.deepEqual(box.complaints, []);
});

const BRIDGE = { kind: "network", name: "bridge" } as const;

function options(more: Partial<CommitOptions> = {}): CommitOptions {
  return { comment: "", author: "", pause: true, change: (config) => config, ...more };
}

function blob(digest: string): string {
  return join(ROOT.data, "containerd/io.containerd.content.v1.content/blobs/sha256", digest.replace("sha256:", ""));
}

function entries(layer: string): readonly string[] {
  return execFileSync("tar", ["tf", blob(layer)], { encoding: "utf8" })
    .trimEnd()
    .split("\n")
    .sort();
}

test("what a running container changed is one more layer, and nothing that was mounted is in it", async () => {
  const { engine } = box;
  const id = await startLong(engine, { network: BRIDGE });
  const script =
    "echo kept >/root/file; echo 192.0.2.1 gone >>/etc/hosts; echo gone >/etc/hostname; rm /etc/group; echo x >/dev/shm/x";
  assert.equal((await exec(engine, id, { command: ["sh", "-c", script] })).exitCode, 0);
  const image = await engine.containers.commit(id, options({ reference: "made:1", comment: "why", author: "who" }));
  const base = await engine.images.find("busybox");
  assert.deepEqual(image.layers.slice(0, -1), base.layers);
  assert.deepEqual([image.references, image.comment, image.author], [["made:1"], "why", "who"]);
  const top = image.layers.at(-1) ?? "";
  assert.deepEqual(
    entries(top).filter((name) => !name.endsWith("/")),
    ["etc/.wh.group", "root/file"],
  );
  assert.deepEqual(
    entries(top).filter((name) => /^(dev|proc|sys)\//.test(name)),
    [],
  );
  assert.equal(engine.containers.find(id).state.status, "running");
  assert.equal(box.events.findLast(({ action }) => action === "commit")?.attributes["imageRef"], "made:1");
});

test("a container of the image has the files, and its own /etc/hosts", async () => {
  const { engine } = box;
  const script = "cat /root/file; cat /etc/hosts; test -e /etc/group && echo there";
  const { stdout } = await run(engine, { image: "made:1", command: ["sh", "-c", script], network: BRIDGE });
  assert.match(stdout, /^kept\n/);
  assert.doesNotMatch(stdout, /gone|there/);
});

test("a commit of a commit has three layers and their history", async () => {
  const { engine } = box;
  const { id } = await run(engine, { image: "made:1", command: ["sh", "-c", "echo again >/root/second"] });
  const image = await engine.containers.commit(id, options({ reference: "made:2" }));
  assert.equal(image.layers.length, 3);
  const config: { history: { created_by?: string }[] } = JSON.parse(readFileSync(blob(image.id), "utf8"));
  assert.deepEqual(
    config.history.map((entry) => entry.created_by),
    [undefined, "sleep 1000", "sh -c echo again >/root/second"],
  );
  const { stdout } = await run(engine, { image: "made:2", command: ["cat", "/root/file", "/root/second"] });
  assert.equal(stdout, "kept\nagain\n");
});

test("the image says how the container was run, as far as it is changed in between", async () => {
  const { engine } = box;
  const spec = {
    command: ["echo", "hi"],
    environment: ["A=1"],
    user: "web",
    exposedPorts: ["80/tcp"],
    labels: { l: "m" },
  };
  const { id } = await run(engine, spec);
  const change = (config: ImageConfig): ImageConfig => ({ ...config, user: "root" });
  const { config, references } = await engine.containers.commit(id, options({ change }));
  assert.deepEqual(references, []);
  assert.deepEqual(config.command, ["echo", "hi"]);
  assert.deepEqual(config.environment, ["IMAGE=yes", "A=1"]);
  assert.deepEqual([config.user, config.exposedPorts, config.labels], ["root", ["80/tcp"], { l: "m" }]);
});

test("images that are removed take their layers along", async () => {
  const { engine } = box;
  for (const { id } of engine.containers.list()) await engine.containers.remove(id, { force: true });
  const { layers } = await engine.images.find("made:2");
  await engine.images.remove("made:2", { force: false });
  assert.throws(() => readFileSync(blob(layers[2] ?? "")), { code: "ENOENT" });
  assert.ok(readFileSync(blob(layers[1] ?? "")).length > 0, "made:1 still has it");
});
