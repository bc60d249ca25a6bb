/** causewayd's cluster flags on a real host: an address that is not its own, an interface, a store that nobody serves. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { TestDaemon } from "../support/daemon.ts";
import { sh } from "../support/docker-lines.ts";
import { run } from "../support/run.ts";
import { until } from "../support/wait.ts";

/** Nothing listens there: an address of our own on a port that nobody opened. */
const NOBODY = "--cluster-store=etcd://10.98.0.1:4";

before(async () => {
  await sh(`
    ip link set lo up
    ip link add wire0 type bridge && ip link set wire0 up
    ip -6 address add fd98::1/64 dev wire0 nodad && ip address add 10.98.0.1/24 dev wire0
  `);
});

/** Starts one that must not come up; gives what it complained. */
async function refused(...flags: string[]): Promise<string> {
  const started = TestDaemon.start(...flags).then(async (daemon) => daemon[Symbol.asyncDispose]());
  const complaint = await started.then(
    () => "it started",
    (error: unknown) => String(error),
  );
  return complaint;
}

async function info(daemon: TestDaemon): Promise<string> {
  return (await run(["curl", "-s", "--unix-socket", daemon.socket, "http://d/v1.41/info"])).stdout;
}

test("an address that is not ours stops it, with the addresses that are", async () => {
  assert.match(
    await refused(NOBODY, "--cluster-advertise=10.98.0.7:2376"),
    /causewayd: --cluster-advertise 10\.98\.0\.7:2376: 10\.98\.0\.7 is not an address of this host, which has .*10\.98\.0\.1 \(wire0\)/,
  );
  assert.match(
    await refused(NOBODY, "--cluster-advertise=wire7:2376"),
    /interface name \(wire7:2376\) : no such network interface; this host has .*10\.98\.0\.1 \(wire0\)/,
  );
});

test("a store that nobody serves keeps nobody from starting, and is said", async () => {
  await using daemon = await TestDaemon.start(NOBODY, "--cluster-advertise=wire0:2376");
  assert.match(await info(daemon), /"ClusterStore":"etcd:\/\/10\.98\.0\.1:4","ClusterAdvertise":"10\.98\.0\.1:2376"/);
  await until("the warning", async () =>
    (await daemon.docker(["info"])).stderr.includes("WARNING: cluster store away since 20"),
  );
  const { status, stderr } = await daemon.docker(["network", "create", "-d", "overlay", "shop"]);
  assert.equal(status, 1);
  assert.match(stderr, /cluster store etcd:\/\/10\.98\.0\.1:4/);
  assert.equal((await daemon.docker(["network", "create", "backend"])).status, 0);
});

test("without a store an overlay is refused with the flag that mends it", async () => {
  await using daemon = await TestDaemon.start();
  const { stderr } = await daemon.docker(["network", "create", "-d", "overlay", "shop"]);
  assert.match(stderr, /datastore for scope "global" is not initialized: .*--cluster-store/);
  assert.doesNotMatch(await info(daemon), /Cluster(Store|Advertise)/);
});

test("a reload that changes the store says that it takes a restart", async () => {
  await using daemon = await TestDaemon.start();
  const settings = { "cluster-store": "etcd://10.98.0.1:4", "cluster-advertise": "wire0:2376" };
  writeFileSync(join(daemon.directory, "daemon.json"), JSON.stringify(settings));
  process.kill(daemon.pid, "SIGHUP");
  await until("the log says so", () => /--cluster-advertise are as they were.* needs a restart/.test(daemon.log));
  assert.doesNotMatch(await info(daemon), /ClusterStore/);
  await daemon.stop();
  await daemon.start();
  assert.match(await info(daemon), /"ClusterStore":"etcd:\/\/10\.98\.0\.1:4"/);
});
