/** What becomes of containers when their engine ends and another opens: stopped, taken over, or cleaned up after a crash. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { after, test } from "node:test";
import { join } from "node:path";
import { counts, exec, importBusybox, openTestEngine, readAll, shims, startLong, until } from "./engine.fixture.ts";
import type { Engine } from "./engine.ts";
import { PLAIN_SPEC } from "./plain-spec.fixture.ts";

const attachAll = { stdin: true, stdout: true, stderr: true, logs: false, stream: true };

after(async () => {
  await until("every shim is gone", () => shims().length === 0);
  const { mounts, io, runc } = counts();
  assert.deepEqual({ mounts, io, runc }, { mounts: [], io: [], runc: [] });
});

async function removeAll(engine: Engine): Promise<void> {
  for (const { id } of engine.containers.list()) await engine.containers.remove(id, { force: true });
}

test("without live-restore containers end with the engine, and only those whose policy says so start with the next", async () => {
  let plain: string;
  let always: string;
  let stopped: string;
  {
    await using first = await openTestEngine();
    await importBusybox(first.engine);
    const unless = { restartPolicy: { name: "unless-stopped", maximumRetries: 0 }, stopTimeoutSeconds: 0 } as const;
    plain = await startLong(first.engine, { stopTimeoutSeconds: 0 });
    always = await startLong(first.engine, unless);
    stopped = await startLong(first.engine, unless);
    await first.engine.containers.stop(stopped);
  }
  assert.equal(shims().length, 0);
  await using second = await openTestEngine();
  const status = (id: string): string => second.engine.containers.find(id).state.status;
  assert.deepEqual([plain, always, stopped].map(status), ["exited", "running", "exited"]);
  await removeAll(second.engine);
  assert.deepEqual(second.complaints, []);
});

test("containers that need another start with the engine after all others", async () => {
  const always = { restartPolicy: { name: "always", maximumRetries: 0 }, stopTimeoutSeconds: 0 } as const;
  let owner: string;
  let guest: string;
  {
    await using first = await openTestEngine();
    await importBusybox(first.engine);
    owner = await startLong(first.engine, always);
    guest = await startLong(first.engine, { ...always, network: { kind: "container", reference: owner } });
    for (let count = 0; count < 3; count++) await startLong(first.engine, always);
  }
  await using second = await openTestEngine();
  const { containers } = second.engine;
  assert.deepEqual(new Set(containers.list().map(({ state }) => state.status)), new Set(["running"]));
  assert.deepEqual(second.complaints, []);
  const order = second.events.flatMap(({ type, action, actorId }) =>
    type === "container" && action === "start" ? [actorId] : [],
  );
  assert.equal(order.length, 5);
  assert.equal(order.at(-1), guest);
  await removeAll(second.engine);
});

test("with live-restore a container runs on, and the next engine has its output, stdin, execs and exit code", async () => {
  let id: string;
  {
    await using first = await openTestEngine({ liveRestore: true });
    const command = ["sh", "-c", "while read line; do echo got $line; done; exit 6"];
    ({ id } = await first.engine.containers.create({ ...PLAIN_SPEC, command, openStdin: true, stdinOnce: true }));
    await first.engine.containers.start(id);
  }
  await using second = await openTestEngine({ liveRestore: true });
  const { engine } = second;
  assert.equal(engine.containers.find(id).state.status, "running");
  const streams = await engine.containers.attach(id, attachAll);
  const output = readAll(streams.output);
  const exit = engine.containers.wait(id, "not-running");
  assert.equal((await exec(engine, id, { command: ["echo", "still"] })).stdout, "still\n");
  streams.stdin?.end("hello\n");
  assert.equal((await output).stdout, "got hello\n");
  assert.equal((await exit).exitCode, 6);
  await removeAll(engine);
  assert.deepEqual(second.complaints, []);
});

async function crashAfterStart(script: string): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "engine-crash.fixture.ts"), script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [text]: string[] = await once(child.stdout.setEncoding("utf8"), "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  return text?.trim() ?? "";
}

/** Some process of this namespace has the text in its command line. */
function processRuns(text: string): boolean {
  return readdirSync("/proc").some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text);
    } catch {
      return false;
    }
  });
}

test("after a crash a container that still runs is taken over with live-restore", async () => {
  const id = await crashAfterStart("sleep 1000");
  await using next = await openTestEngine({ liveRestore: true });
  assert.equal(next.engine.containers.find(id).state.status, "running");
  assert.equal((await exec(next.engine, id, { command: ["ip", "link", "show", "eth0"] })).exitCode, 0);
  await removeAll(next.engine);
  assert.deepEqual(next.complaints, []);
});

test("after a crash a container that ended meanwhile has its real exit code", async () => {
  const id = await crashAfterStart("sleep 0.3; exit 42");
  await until("its process has ended", () => !processRuns("exit 42"));
  await using next = await openTestEngine({ liveRestore: true });
  const { state } = next.engine.containers.find(id);
  assert.ok(state.status === "exited");
  assert.equal(state.exitCode, 42);
  assert.equal(next.engine.containers.sandbox(id), undefined);
  await removeAll(next.engine);
});

test("after a crash without live-restore what still runs is ended and leaves nothing", async () => {
  const id = await crashAfterStart("sleep 1000");
  await using next = await openTestEngine();
  const { state } = next.engine.containers.find(id);
  assert.ok(state.status === "exited" && state.exitCode === 137);
  assert.deepEqual(next.engine.networks.endpoints(), []);
  await removeAll(next.engine);
  assert.deepEqual(next.complaints, []);
});
