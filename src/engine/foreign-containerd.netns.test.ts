/** A containerd that somebody else runs is used and left running; `ctr` sees what we made in it. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { importBusybox, openTestEngine, ROOT, run, until } from "./engine.fixture.ts";

const SOCKET = "/run/containerd/containerd.sock";
const ctr = (...args: string[]): string =>
  execFileSync("ctr", ["--address", SOCKET, "--namespace", "causeway", ...args], { encoding: "utf8" });

/** Starts one at the usual place, behind `wrapper`; ended with the test. */
async function startForeign(t: TestContext, ...wrapper: string[]): Promise<void> {
  mkdirSync("/tmp/foreign", { recursive: true });
  const config = [
    'version = 2\nroot = "/tmp/foreign/root"\nstate = "/run/foreign"',
    'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]',
    `[grpc]\n  address = "${SOCKET}"\n`,
  ];
  writeFileSync("/tmp/foreign/config.toml", config.join("\n"));
  const [program, ...args] = [...wrapper, "containerd", "--config", "/tmp/foreign/config.toml"];
  const foreign = spawn(program, args, { stdio: "ignore" });
  t.after(async () => {
    foreign.kill("SIGTERM");
    if (foreign.exitCode === null) await once(foreign, "exit");
    rmSync(SOCKET, { force: true });
  });
  await until("the foreign containerd has a socket", () => existsSync(SOCKET));
}

test("a running containerd is used, and runs on when the engine closes", { timeout: 60_000 }, async (t) => {
  await startForeign(t);
  {
    await using box = await openTestEngine({ ownContainerd: false });
    assert.ok(!existsSync(`${ROOT.exec}/containerd`));
    await importBusybox(box.engine);
    const ended = await run(box.engine, { command: ["echo", "hi"] });
    assert.equal(ended.stdout, "hi\n");
    assert.match(ctr("images", "ls", "--quiet"), /^docker\.io\/library\/busybox:latest$/m);
    assert.match(ctr("snapshots", "ls"), new RegExp(`^${ended.id} `, "m"));
    await box.engine.containers.remove(ended.id);
    assert.doesNotMatch(ctr("snapshots", "ls"), new RegExp(ended.id));
    assert.equal(ctr("containers", "ls", "--quiet"), "");
    assert.deepEqual(await box.engine.images.remove("busybox", { force: false }).then((all) => all.length), 2);
    assert.equal(ctr("content", "ls", "--quiet"), "");
  }
  assert.match(ctr("version"), /Server:/);
});

for (const namespace of ["mount", "net"]) {
  test(`a running containerd in another ${namespace} namespace is left alone`, { timeout: 60_000 }, async (t) => {
    await startForeign(t, "unshare", `--${namespace}`);
    await using box = await openTestEngine({ ownContainerd: false });
    assert.ok(existsSync(`${ROOT.exec}/containerd`));
    await importBusybox(box.engine);
    assert.equal((await run(box.engine, { command: ["echo", "hi"] })).stdout, "hi\n");
    assert.equal(ctr("images", "ls", "--quiet"), "");
  });
}
