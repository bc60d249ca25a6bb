/** Containers in bad company: no memory, a client that does not read, many at once, a containerd that dies. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import {
  counts,
  failsWith,
  importBusybox,
  openTestEngine,
  run,
  shims,
  startLong,
  TRUE,
  until,
  type TestEngine,
} from "./engine.fixture.ts";
import type { Engine } from "./engine.ts";
import { PLAIN_SPEC } from "./plain-spec.fixture.ts";

let box: TestEngine;
let engine: Engine;
let clean: ReturnType<typeof counts>;

before(async () => {
  box = await openTestEngine();
  engine = box.engine;
  await importBusybox(engine);
  clean = counts();
});

after(async () => {
  for (const { id } of engine.containers.list()) await engine.containers.remove(id, { force: true });
  assert.deepEqual(counts(), clean);
  await box[Symbol.asyncDispose]();
  await until("every shim is gone", () => shims().length === 0);
  assert.deepEqual(box.complaints, []);
});

test("a process that eats more memory than it may is said to have been killed for that", async () => {
  const command = ["sh", "-c", "x=a; while true; do x=$x$x; done"];
  const { id, exitCode } = await run(engine, { command, resources: { memory: 16 * 1024 * 1024 } });
  const { state } = engine.containers.find(id);
  assert.ok(state.status === "exited" && state.oomKilled, JSON.stringify(state.status));
  assert.ok(exitCode === 137 || exitCode === 2, String(exitCode));
});

test("a client that stops reading does not stop another one for ever", { timeout: 60_000 }, async () => {
  const { id } = await engine.containers.create({
    ...PLAIN_SPEC,
    command: ["dd", "if=/dev/zero", "bs=64k", "count=200"],
  });
  const options = { stdin: false, stdout: true, stderr: false, logs: false, stream: true };
  const stuck = await engine.containers.attach(id, options);
  stuck.output.on("error", () => undefined);
  const reader = await engine.containers.attach(id, options);
  let bytes = 0;
  reader.output.on("data", (chunk: { bytes: Uint8Array }) => (bytes += chunk.bytes.length));
  const exit = engine.containers.wait(id, "next-exit");
  await engine.containers.start(id);
  assert.equal((await exit).exitCode, 0);
  assert.equal(bytes, 200 * 65_536);
  assert.ok(stuck.output.destroyed);
});

test("many containers start, answer and end at once", async () => {
  const command = ["sh", "-c", "ip addr show eth0 | grep -c 'inet '; echo $0"];
  const network = { kind: "network", name: "bridge" } as const;
  const all = Array.from({ length: 8 }, (_, index) => run(engine, { command: [...command, String(index)], network }));
  const outputs = (await Promise.all(all)).map((ended) => ended.stdout);
  assert.deepEqual(
    outputs,
    Array.from({ length: 8 }, (_, index) => `1\n${index}\n`),
  );
});

test("the end of a container is noticed although containerd was killed meanwhile", { timeout: 60_000 }, async () => {
  const id = await startLong(engine, { command: ["sh", "-c", "sleep 1; exit 9"] });
  const exit = engine.containers.wait(id, "next-exit");
  const pid = Number(readFileSync("/run/engine/containerd/containerd.pid", "utf8"));
  process.kill(pid, "SIGKILL");
  await assert.rejects(engine.images.list(), failsWith("unavailable", /^containerd is unavailable/));
  await assert.rejects(
    engine.execs.create(id, TRUE).then((exec) => engine.execs.start(exec, { detach: true })),
    {
      code: "unavailable",
    },
  );
  assert.equal(engine.containers.find(id).state.status, "running");
  assert.equal((await exit).exitCode, 9);
  await until("containerd serves again", () =>
    engine.images.list().then(
      (all) => all.length === 1,
      () => false,
    ),
  );
});
