/** Containers from creation to removal over a real containerd and runc: what `docker run`, `exec`, `logs`, `stop` rest on. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import {
  CGROUP_PARENT,
  counts,
  exec,
  failsWith,
  importBusybox,
  openTestEngine,
  readAll,
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
  const groups = ["", "/*"].map((path) => `/sys/fs/cgroup${path}${CGROUP_PARENT}`).join(" ");
  assert.equal(execFileSync("sh", ["-c", `ls -d ${groups} 2>/dev/null; true`], { encoding: "utf8" }), "");
});

const actionsOf = (id: string): string[] =>
  box.events.filter((event) => event.actorId === id).map((event) => event.action);

test("a container's output and exit code arrive, in the order of Docker's events", async () => {
  const { id, ...ended } = await run(engine, { command: ["sh", "-c", "echo out; echo err >&2; exit 3"] });
  assert.deepEqual(ended, { exitCode: 3, stdout: "out\n", stderr: "err\n" });
  assert.deepEqual(actionsOf(id), ["create", "attach", "start", "die"]);
  const die = box.events.findLast((event) => event.actorId === id && event.action === "die");
  assert.equal(die?.attributes["exitCode"], "3");
  assert.equal(die?.attributes["image"], "busybox");
});

test("stdin of an attached client reaches the process and its end is seen", async () => {
  const text = "line\n".repeat(100_000);
  const ended = await run(engine, { command: ["wc", "-c"], openStdin: true, stdinOnce: true }, text);
  assert.equal(ended.stdout.trim(), String(text.length));
});

test("hostname, environment, user and capabilities are as Docker's", async () => {
  const script =
    "id -u; id -G; hostname; echo $IMAGE $GIVEN $HOME; grep CapBnd /proc/self/status; grep Seccomp: /proc/self/status";
  const ended = await run(engine, {
    command: ["sh", "-c", script],
    user: "web",
    environment: ["GIVEN=too"],
    hostname: "box",
  });
  const lines = ended.stdout.trim().split("\n");
  assert.deepEqual(lines.slice(0, 4), ["33", "33 44", "box", "yes too /tmp"]);
  assert.match(lines[4] ?? "", /00000000a80425fb$/);
  assert.match(lines[5] ?? "", /2$/);
});

test("on a bridge network there is eth0, and the three files are mounted over the image's", async () => {
  const id = await startLong(engine, { network: { kind: "network", name: "bridge" } });
  const link = await exec(engine, id, { command: ["ip", "addr", "show", "eth0"] });
  assert.match(link.stdout, /inet 172\.17\.0\.\d+\/16/);
  const mounts = await exec(engine, id, { command: ["mount"] });
  for (const file of ["hosts", "hostname", "resolv.conf"]) assert.match(mounts.stdout, new RegExp(` on /etc/${file} `));
  const ping = await exec(engine, id, { command: ["ping", "-c1", "172.17.0.1"] });
  assert.match(ping.stdout, / 0% packet loss/);
  await engine.containers.remove(id, { force: true });
});

test("networks are connected and disconnected while a container runs", async () => {
  await engine.networks.createNetwork({ name: "backend" });
  const id = await startLong(engine, { network: { kind: "network", name: "bridge" } });
  await engine.containers.connect(id, "backend", {});
  assert.equal((await exec(engine, id, { command: ["ip", "addr", "show", "eth1"] })).exitCode, 0);
  await assert.rejects(
    engine.containers.connect(id, "backend", {}),
    failsWith("forbidden", /already exists in network backend/),
  );
  await engine.containers.disconnect(id, "backend", false);
  assert.notEqual((await exec(engine, id, { command: ["ip", "addr", "show", "eth1"] })).exitCode, 0);
  await assert.rejects(
    engine.containers.disconnect(id, "backend", false),
    failsWith("internal", `container ${id} is not connected to network backend`),
  );
  await engine.containers.remove(id, { force: true });
  await engine.networks.removeNetwork("backend");
});

test("a stopped container joins at its next start what it was connected to meanwhile", async () => {
  await engine.networks.createNetwork({ name: "later" });
  const { id } = await engine.containers.create({
    ...PLAIN_SPEC,
    command: ["sleep", "100"],
    network: { kind: "network", name: "bridge" },
  });
  await engine.containers.connect(id, "later", { aliases: ["db"] });
  await engine.containers.disconnect(id, "bridge", false);
  await engine.containers.start(id);
  assert.deepEqual(
    engine.containers.sandbox(id)?.endpoints.map((join) => join.network.name),
    ["later"],
  );
  await engine.containers.remove(id, { force: true });
  await engine.networks.removeNetwork("later");
});

test("container:X shares the other's network stack and leaves it alone at its end", async () => {
  const target = await startLong(engine, { name: "target", network: { kind: "network", name: "bridge" } });
  const mode = { kind: "container", reference: "target" } as const;
  const shared = await run(engine, { command: ["ip", "addr", "show", "eth0"], network: mode });
  const own = await exec(engine, target, { command: ["ip", "addr", "show", "eth0"] });
  assert.equal(shared.stdout, own.stdout);
  const { hostname } = engine.containers.find(target);
  assert.equal((await run(engine, { command: ["hostname"], network: mode })).stdout, `${hostname}\n`);
  const guest = await startLong(engine, { network: mode });
  await assert.rejects(
    engine.containers.disconnect(guest, "bridge", true),
    failsWith("internal", `container ${guest} is not connected to network bridge`),
  );
  assert.equal((await exec(engine, target, { command: ["ip", "addr", "show", "eth0"] })).exitCode, 0);
  await engine.containers.remove(guest, { force: true });
  await engine.containers.stop(target, { timeoutSeconds: 0 });
  await assert.rejects(
    run(engine, { network: mode }),
    failsWith("conflict", "cannot join network namespace of a non running container: container target is exited"),
  );
  await assert.rejects(
    run(engine, { network: { kind: "container", reference: "nobody" } }),
    failsWith("internal", "joining network namespace of container: No such container: nobody"),
  );
  await assert.rejects(
    engine.containers.connect(shared.id, "bridge", {}),
    failsWith(
      "invalid-argument",
      "container sharing network namespace with another container or host cannot be connected to any other network",
    ),
  );
});

test("a program that is not there gives 127, one that cannot run 126, and neither leaves anything", async () => {
  const start = counts();
  for (const [program, exitCode, text] of [
    ["nope", 127, /exec: "nope": executable file not found in \$PATH: unknown$/],
    ["/etc/passwd", 126, /exec: "\/etc\/passwd": permission denied: unknown$/],
  ] as const) {
    const { id } = await engine.containers.create({
      ...PLAIN_SPEC,
      command: [program],
      network: { kind: "network", name: "bridge" },
    });
    await assert.rejects(engine.containers.start(id), failsWith("invalid-argument", text));
    const { state } = engine.containers.find(id);
    assert.ok(state.status === "exited" && state.startedNs === undefined);
    assert.equal(state.exitCode, exitCode);
    assert.equal(engine.containers.sandbox(id), undefined);
    await engine.containers.remove(id);
  }
  await until("nothing is left", () => JSON.stringify(counts()) === JSON.stringify(start));
});

test("a container whose network is missing stays startable and holds nothing", async () => {
  const { id } = await engine.containers.create({ ...PLAIN_SPEC, network: { kind: "network", name: "missing" } });
  await assert.rejects(engine.containers.start(id), failsWith("not-found", /network missing not found$/));
  await engine.containers.remove(id);
});

test("a container that ran before is still one that did when it cannot start again", async () => {
  await engine.networks.createNetwork({ name: "passing" });
  const { id } = await engine.containers.create({ ...PLAIN_SPEC, network: { kind: "network", name: "passing" } });
  await engine.containers.start(id);
  const running = engine.containers.find(id).state;
  await engine.containers.kill(id);
  await engine.networks.removeNetwork("passing");
  await assert.rejects(engine.containers.start(id), failsWith("not-found", /network passing not found$/));
  const { state } = engine.containers.find(id);
  assert.ok(state.status === "exited" && running.status === "running");
  assert.equal(state.startedNs, running.startedNs);
  assert.equal(state.exitCode, 128);
  await engine.containers.remove(id);
});

test("an exec has a terminal, stdin, its own user and exit code", async () => {
  const id = await startLong(engine);
  const terminal = await exec(engine, id, { command: ["sh", "-c", "tty; id -u; exit 7"], tty: true, user: "web" });
  assert.equal(terminal.stdout, "/dev/pts/0\r\n33\r\n");
  assert.equal(terminal.exitCode, 7);
  const counted = await exec(engine, id, { command: ["wc", "-c"] }, "x".repeat(200_000));
  assert.equal(counted.stdout.trim(), "200000");
  await assert.rejects(
    exec(engine, id, { command: ["nope"] }),
    failsWith(
      "invalid-argument",
      /^OCI runtime exec failed: .*exec: "nope": executable file not found in \$PATH: unknown$/,
    ),
  );
  const { id: fromTop } = engine.containers.find(id);
  const top = await engine.containers.top(fromTop);
  assert.deepEqual(
    top.processes.map((row) => row.at(-1)),
    ["sleep 1000"],
  );
  await engine.containers.remove(id, { force: true });
});

test("an exec of which not all streams are attached runs, and gives those that are", async () => {
  const id = await startLong(engine);
  const command = ["sh", "-c", "cat; echo out; echo err >&2; exit 4"];
  const attached = async (attachStdout: boolean, attachStderr: boolean, input?: string) => {
    const { stdout, stderr, exitCode } = await exec(engine, id, { command, attachStdout, attachStderr }, input);
    return { stdout, stderr, exitCode };
  };
  assert.deepEqual(await attached(true, false), { stdout: "out\n", stderr: "", exitCode: 4 });
  assert.deepEqual(await attached(false, true), { stdout: "", stderr: "err\n", exitCode: 4 });
  assert.deepEqual(await attached(false, false), { stdout: "", stderr: "", exitCode: 4 });
  assert.deepEqual(await attached(true, false, "in\n"), { stdout: "in\nout\n", stderr: "", exitCode: 4 });
  assert.deepEqual(await attached(false, false, "in\n"), { stdout: "", stderr: "", exitCode: 4 });
  await engine.containers.remove(id, { force: true });
});

test("what is asked of a container in the wrong state is refused in Docker's words", async () => {
  const id = await startLong(engine, { name: "busy" });
  await assert.rejects(
    engine.containers.create({ ...PLAIN_SPEC, name: "busy" }),
    failsWith(
      "conflict",
      `Conflict. The container name "/busy" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
    ),
  );
  await assert.rejects(
    engine.containers.create({ ...PLAIN_SPEC, name: "-x" }),
    failsWith("invalid-argument", "Invalid container name (-x), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"),
  );
  await assert.rejects(
    engine.containers.create({ ...PLAIN_SPEC, image: "none:1" }),
    failsWith("not-found", "No such image: none:1"),
  );
  await assert.rejects(
    engine.containers.remove("busy"),
    failsWith(
      "conflict",
      'cannot remove container "/busy": container is running: stop the container before removing or force remove',
    ),
  );
  await assert.rejects(engine.containers.start("busy"), failsWith("not-modified", /./));
  await assert.rejects(
    engine.images.remove("busybox", { force: false }),
    failsWith("conflict", /^conflict: unable to remove repository reference "busybox" \(must force\)/),
  );
  await engine.containers.rename("busy", "idle");
  await engine.containers.kill("idle");
  await assert.rejects(
    engine.containers.kill("idle"),
    failsWith("conflict", `cannot kill container: idle: container ${id} is not running`),
  );
  await assert.rejects(engine.containers.stop("idle"), failsWith("not-modified", /./));
  await assert.rejects(engine.execs.create("idle", TRUE), failsWith("conflict", `container ${id} is not running`));
  assert.throws(() => engine.containers.find("busy"), failsWith("not-found", "No such container: busy"));
});

test("a signal that is sent while the start is underway reaches the process", async () => {
  const { id } = await engine.containers.create({ ...PLAIN_SPEC, command: ["sleep", "1000"] });
  const starting = engine.containers.start(id);
  await engine.containers.kill(id, "KILL");
  await starting;
  assert.equal(exitCodeOf(id), 137);
  await engine.containers.remove(id, {});
});

test("stop sends the stop signal and kills after the time-out; a frozen container can be stopped", async () => {
  const polite = await startLong(engine, {
    command: ["sh", "-c", "trap 'exit 5' TERM; while true; do sleep 0.05; done"],
  });
  await until("the trap is set", async () => (await exec(engine, polite, { command: ["true"] })).exitCode === 0);
  await engine.containers.stop(polite, { timeoutSeconds: 5 });
  assert.equal(exitCodeOf(polite), 5);
  const deaf = await startLong(engine);
  await engine.containers.pause(deaf);
  assert.equal(engine.containers.find(deaf).state.status, "paused");
  await engine.containers.stop(deaf, { timeoutSeconds: 0 });
  assert.equal(exitCodeOf(deaf), 137);
});

const exitCodeOf = (id: string): number | undefined => {
  const { state } = engine.containers.find(id);
  return "exitCode" in state ? state.exitCode : undefined;
};

test("logs come back whole, by tail, and followed to the end", async () => {
  const { id } = await run(engine, { command: ["sh", "-c", "seq 1 2000; echo last >&2"] });
  const read = async (options: object): Promise<{ stdout: string; stderr: string }> =>
    readAll(
      await engine.containers.logs(id, { stdout: true, stderr: true, follow: false, timestamps: false, ...options }),
    );
  assert.equal((await read({})).stdout.split("\n").length, 2001);
  assert.deepEqual(await read({ tail: 2, stderr: false }).then((texts) => texts.stderr), "");
  assert.match(
    (await read({ tail: 1, timestamps: true })).stdout + (await read({ tail: 1, timestamps: true })).stderr,
    /^\d{4}-\d\d-\d\dT/,
  );
  const talker = await startLong(engine, { command: ["sh", "-c", "echo one; sleep 0.3; echo two"] });
  const followed = await engine.containers.logs(talker, {
    stdout: true,
    stderr: true,
    follow: true,
    timestamps: false,
  });
  assert.equal((await readAll(followed)).stdout, "one\ntwo\n");
});

test("on-failure starts again, with a back-off, until its retries are used up", async () => {
  const { id } = await engine.containers.create({
    ...PLAIN_SPEC,
    command: ["false"],
    restartPolicy: { name: "on-failure", maximumRetries: 2 },
  });
  await engine.containers.start(id);
  await until("it stays down", () => engine.containers.find(id).state.status === "exited");
  assert.equal(engine.containers.find(id).restartCount, 2);
  assert.equal(actionsOf(id).filter((action) => action === "start").length, 3);
});

test("autoRemove takes the container away and wait for removal tells its exit code", async () => {
  const { id } = await engine.containers.create({ ...PLAIN_SPEC, command: ["sh", "-c", "exit 4"], autoRemove: true });
  const removal = engine.containers.wait(id, "removed");
  await engine.containers.start(id);
  assert.deepEqual(await removal, { exitCode: 4 });
  assert.throws(() => engine.containers.find(id), failsWith("not-found", `No such container: ${id}`));
});

test("tmpfs, bind mounts, volumes and a read-only root are what they say", async () => {
  const script =
    "mount | grep -e ' /scratch ' -e ' /data ' -e ' /vol ' -e ' on / '; echo kept > /vol/file; touch /x; echo $?";
  const ended = await run(engine, {
    command: ["sh", "-c", script],
    readonlyRootfs: true,
    tmpfs: { "/scratch": "size=1m" },
    mounts: [
      { type: "bind", source: "/tmp/busybox-root/etc", target: "/data", readOnly: true },
      { type: "volume", source: "keep", target: "/vol", readOnly: false },
    ],
  }).catch((error: unknown) => assert.fail(String(error)));
  assert.match(ended.stdout, /tmpfs on \/scratch type tmpfs \(rw,nosuid,nodev,noexec.*size=1024k/);
  assert.match(ended.stdout, / on \/data type \S+ \(ro,/);
  assert.match(ended.stdout, /overlay on \/ type overlay \(ro,/);
  assert.match(ended.stdout, /1\n$/);
  const again = await run(engine, {
    command: ["cat", "/vol/file"],
    mounts: [{ type: "volume", source: "keep", target: "/vol", readOnly: false }],
  });
  assert.equal(again.stdout, "kept\n");
});
