/** causewayd as a process: what stops it from starting, what it takes from flags and file, how it restarts and ends. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TestDaemon } from "../support/daemon.ts";
import { run } from "../support/run.ts";
import { until } from "../support/wait.ts";

/** Starts one that must not come up; gives what it complained. */
async function refused(...flags: string[]): Promise<string> {
  let complaint = "";
  await assert.rejects(
    async () => {
      await using _daemon = await TestDaemon.start(...flags);
    },
    (error: Error) => {
      complaint = error.message;
      return /ended with status 1/.test(complaint);
    },
  );
  return complaint;
}

test("a docker0 that is not ours stops it, with the flags that help", async () => {
  await run(["ip", "link", "add", "docker0", "type", "bridge"]);
  const complaint = await refused();
  assert.match(complaint, /docker0 exists and is not Causeway's/);
  for (const flag of ["--bridge", "--bip", "--data-root"]) assert.ok(complaint.includes(flag), flag);
  const { stdout } = await run(["ip", "-br", "link"]);
  assert.match(stdout, /docker0/);
  await run(["ip", "link", "del", "docker0"]);
});

test("beside a foreign docker0 it runs on a bridge of the user's, which it leaves behind", async () => {
  await run(["ip", "link", "add", "docker0", "type", "bridge"]);
  await run(["ip", "link", "add", "mine0", "type", "bridge"]);
  await run(["ip", "address", "add", "172.30.0.1/16", "dev", "mine0"]);
  {
    await using daemon = await TestDaemon.start("--bridge", "mine0");
    const { stdout, stderr } = await daemon.docker([
      "network",
      "inspect",
      "-f",
      "{{range .IPAM.Config}}{{.Subnet}}{{end}}",
      "bridge",
    ]);
    assert.equal(stdout.trim(), "172.30.0.0/16", stderr);
  }
  const { stdout } = await run(["ip", "-br", "link"]);
  assert.match(stdout, /mine0/);
  assert.match(stdout, /docker0/);
  await run(["ip", "link", "del", "mine0"]);
  await run(["ip", "link", "del", "docker0"]);
});

test("--bip gives docker0 its address, --iptables=false leaves the firewall alone", async () => {
  await run(["iptables", "-F"]);
  await run([
    "sh",
    "-c",
    "for t in raw filter nat; do iptables -t $t -F; iptables -t $t -X; done; ip link del docker0",
  ]);
  await using daemon = await TestDaemon.start("--bip", "172.31.0.1/24", "--iptables=false", "--ip6tables=false");
  assert.match((await run(["ip", "-4", "-br", "address", "show", "docker0"])).stdout, /172\.31\.0\.1\/24/);
  await daemon.docker(["network", "create", "quiet"]);
  assert.doesNotMatch((await run(["iptables-save"])).stdout, /^-A/m);
  await daemon.docker(["network", "rm", "quiet"]);
});

test("a second daemon is kept out by the pid file, and from the same network namespace", async () => {
  await using daemon = await TestDaemon.start();
  assert.match(await refused("--pidfile", join(daemon.directory, "pid")), /process with PID \d+ is still running/);
  assert.match(await refused(), /causewayd with PID \d+ manages this network namespace already/);
  assert.equal((await daemon.docker(["network", "ls", "-q"])).status, 0);
});

test("flags that it does not know, must not ignore, or are said twice stop it", async () => {
  assert.match(await refused("--no-such-flag"), /unknown flag: --no-such-flag/);
  assert.match(await refused("--userns-remap", "default"), /--userns-remap: not implemented/);
  assert.match(await refused("-H", "tcp://0.0.0.0:2375"), /whoever reaches this socket is root/);
  writeFileSync("/tmp/daemon.json", '{"mtu": 1400}');
  const complaint = await refused("--config-file", "/tmp/daemon.json", "--mtu", "1300");
  assert.match(
    complaint,
    /specified both as a flag and in the configuration file: mtu: \(from flag: 1300, from file: 1400\)/,
  );
});

test("flags without effect are named in the log", async () => {
  await using daemon = await TestDaemon.start("--storage-driver", "overlay2", "--network-control-plane-mtu", "1400");
  assert.match(daemon.log, /level=warning msg="--storage-driver is accepted/);
  assert.match(daemon.log, /level=warning msg="--network-control-plane-mtu is not implemented yet/);
});

test("SIGHUP reads the labels and the log level again", async () => {
  await using daemon = await TestDaemon.start();
  const labels = async (): Promise<string> => (await daemon.docker(["info", "-f", "{{json .Labels}}"])).stdout.trim();
  assert.equal(await labels(), "[]");
  writeFileSync(join(daemon.directory, "daemon.json"), '{"labels": ["rack=7"], "debug": true}');
  process.kill(daemon.pid, "SIGHUP");
  await until("the label is shown", async () => (await labels()) === '["rack=7"]');
  writeFileSync(join(daemon.directory, "daemon.json"), '{"labels": ');
  process.kill(daemon.pid, "SIGHUP");
  await until("the fault is logged", () => daemon.log.includes("the configuration is not reloaded"));
  assert.equal(await labels(), '["rack=7"]');
});

test("on loopback it listens without TLS when told so by name", async () => {
  await using daemon = await TestDaemon.start("-H", "tcp://127.0.0.1:2375", "--insecure-tcp-loopback");
  const { status, stderr } = await run(["docker", "-H", "tcp://127.0.0.1:2375", "network", "ls"]);
  assert.equal(status, 0, `${stderr}\n${daemon.log}`);
});

test("a restart is a difference: networks keep their ids, and no rule or link is touched", async () => {
  await using daemon = await TestDaemon.start();
  const id = (await daemon.docker(["network", "create", "lasting"])).stdout.trim();
  const rules = async (): Promise<string> => (await run(["sh", "-c", "iptables-save | grep -v '^[#:]'"])).stdout;
  const links = async (): Promise<string> => (await run(["ip", "-o", "link", "show", "type", "bridge"])).stdout;
  const before = [await rules(), await links()];
  assert.equal(await daemon.stop(), 0);
  assert.ok(!existsSync(daemon.socket));
  await daemon.start();
  assert.deepEqual([await rules(), await links()], before);
  const again = await daemon.docker(["network", "inspect", "-f", "{{.Id}}", "lasting"]);
  assert.equal(again.stdout.trim(), id);
  await daemon.docker(["network", "rm", "lasting"]);
});

test("killed, it starts again on what it left", async () => {
  await using daemon = await TestDaemon.start();
  await daemon.docker(["network", "create", "lasting"]);
  await daemon.stop("SIGKILL");
  assert.ok(existsSync(daemon.socket) && existsSync(join(daemon.directory, "pid")));
  await daemon.start();
  assert.match((await daemon.docker(["network", "ls"])).stdout, /lasting/);
  assert.equal(readFileSync(join(daemon.directory, "pid"), "utf8"), String(daemon.pid));
  await daemon.docker(["network", "rm", "lasting"]);
});
