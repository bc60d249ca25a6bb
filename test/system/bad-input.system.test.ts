/**
 * What must not hurt: malformed requests, contradictory networks, containers that vanish, a containerd that dies. Each is
 * answered, changes nothing, leaves nothing, and the daemon goes on. Judged by curl, the docker CLI, `ip` and /proc.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeBusyboxTar } from "../../tools/demo/busybox-tar.ts";
import { TestDaemon } from "../support/daemon.ts";
import { run } from "../support/run.ts";
import type { Ran } from "../support/run.ts";
import { takeTraces } from "../support/traces.ts";
import type { Traces } from "../support/traces.ts";
import { until } from "../support/wait.ts";

let daemon: TestDaemon;
let fresh: Traces;

const docker = async (line: string): Promise<Ran> => daemon.docker(line.split(" "));

async function ok(line: string): Promise<string> {
  const ran = await docker(line);
  assert.equal(ran.status, 0, `docker ${line}: ${ran.stderr}\n${daemon.log}`);
  return ran.stdout.trimEnd();
}

async function fails(line: string): Promise<string> {
  const ran = await docker(line);
  assert.notEqual(ran.status, 0, `docker ${line} should have failed: ${ran.stdout}`);
  return ran.stderr.trim();
}

/** A raw request; gives status and body. */
async function post(path: string, body: string): Promise<{ readonly status: number; readonly body: string }> {
  const file = join(daemon.directory, "body");
  writeFileSync(file, body);
  const common = ["-sS", "--max-time", "20", "--unix-socket", daemon.socket, "-w", "\n%{http_code}"];
  const ran = await run([
    "curl",
    ...common,
    "-H",
    "Content-Type: application/json",
    "--data-binary",
    `@${file}`,
    `http://d${path}`,
  ]);
  const lines = ran.stdout.split("\n");
  return { status: Number(lines.pop()), body: lines.join("\n") };
}

/** Everything but descriptors is as in the beginning; those may differ by what Node keeps for a while. */
async function nothingIsLeft(): Promise<void> {
  const same = async (): Promise<boolean> => {
    const now = await takeTraces(daemon.pid);
    const lists = (["links", "rules", "mounts", "namespaces"] as const).every(
      (what) => JSON.stringify(now[what]) === JSON.stringify(fresh[what]),
    );
    return lists && now.descriptors <= fresh.descriptors;
  };
  await until("nothing is left", same, 15_000).catch(async (cause: unknown) => {
    assert.deepEqual(await takeTraces(daemon.pid), fresh, String(cause));
  });
}

before(async () => {
  daemon = await TestDaemon.start();
  const tar = join(daemon.directory, "busybox.tar");
  makeBusyboxTar(tar);
  await ok(`import ${tar} busybox`);
  // Once through everything, so that what is opened on first use is open before anything is counted.
  await ok("network create warm");
  await ok("run -d --name warm --net warm busybox sleep 1000");
  await ok("exec warm true");
  await ok("rm -f warm");
  await ok("network rm warm");
  fresh = await takeTraces(daemon.pid);
});
after(async () => daemon[Symbol.asyncDispose]());

test("malformed JSON is a 400", async () => {
  for (const body of ["{", '{"Name": ', "[]", "null", '"x"', "\u0000\u0001"]) {
    const answer = await post("/networks/create", body);
    assert.equal(answer.status, 400, `${body}: ${answer.body}`);
    assert.match(answer.body, /"message"/);
  }
});

test("a field of the wrong type is a 400", async () => {
  for (const body of [
    '{"Name": 7}',
    '{"Name": "x", "Internal": "yes"}',
    '{"Name": "x", "IPAM": {"Config": "10.0.0.0/8"}}',
  ]) {
    const answer = await post("/networks/create", body);
    assert.equal(answer.status, 400, `${body}: ${answer.body}`);
  }
});

test("a body of 10 MB is turned away", async () => {
  const answer = await post("/networks/create", JSON.stringify({ Name: "x".repeat(10_000_000) }));
  assert.ok(answer.status >= 400 && answer.status < 500, String(answer.status));
});

test("a container name with a line break is refused in docker's words", async () => {
  const answer = await post("/containers/create?name=a%0Ab", JSON.stringify({ Image: "busybox", Cmd: ["true"] }));
  assert.equal(answer.status, 400);
  assert.match(answer.body, /Invalid container name .*only \[a-zA-Z0-9\]\[a-zA-Z0-9_.-\] are allowed/);
});

test("a network name of white space is refused", async () => {
  const answer = await post("/networks/create", JSON.stringify({ Name: " \n " }));
  assert.equal(answer.status, 400);
  assert.match(answer.body, /invalid name: name is empty/);
});

test("subnets that overlap are refused", async () => {
  await ok("network create --subnet 10.77.0.0/16 one");
  assert.match(
    await fails("network create --subnet 10.77.5.0/24 two"),
    /Pool overlaps with other one on this address space/,
  );
  await ok("network rm one");
});

test("a gateway outside its subnet, and a subnet with host bits, are refused", async () => {
  assert.match(
    await fails("network create --subnet 10.77.0.1/16 one"),
    /invalid subnet 10\.77\.0\.1\/16: it should be 10\.77\.0\.0\/16/,
  );
  const body = { Name: "one", IPAM: { Config: [{ Subnet: "10.77.0.0/16", Gateway: "10.78.0.1" }] } };
  const answer = await post("/networks/create", JSON.stringify(body));
  assert.equal(answer.status, 400);
  assert.match(answer.body, /parent subnet 10\.77\.0\.0\/16 doesn't contain this address/);
});

test("a static address outside the subnet, or taken, is refused", async () => {
  await ok("network create --subnet 10.77.0.0/16 one");
  assert.match(
    await fails("run --rm --net one --ip 10.78.0.9 busybox true"),
    /no configured subnet contains IP address 10\.78\.0\.9/,
  );
  await ok("run -d --name holder --net one --ip 10.77.0.9 busybox sleep 1000");
  assert.match(await fails("run --rm --net one --ip 10.77.0.9 busybox true"), /Address already in use/);
  assert.match(await fails("network rm one"), /has active endpoints/);
  await ok("rm -f holder");
  await ok("network rm one");
});

test("what does not exist is a 404 in docker's words", async () => {
  assert.match(await fails("network rm nowhere"), /network nowhere not found/);
  assert.match(await fails("network connect nowhere nobody"), /network nowhere not found|No such container: nobody/);
  assert.match(await fails("exec nobody true"), /No such container: nobody/);
  assert.match(await fails("run --net nowhere busybox true"), /network nowhere not found/);
  await ok("container prune -f");
});

test("containers that exit while they are connected leave nothing", async () => {
  await ok("network create one");
  for (let round = 0; round < 5; round++) {
    await ok(`run -d --name brief${round} busybox sleep 0.${round}`);
    await docker(`network connect one brief${round}`);
    await ok(`rm -f brief${round}`);
  }
  await ok("network rm one");
});

test("connecting and disconnecting many times grows nothing", async () => {
  await ok("network create one");
  await ok("run -d --name steady busybox sleep 1000");
  for (let round = 0; round < 10; round++) {
    await ok("network connect one steady");
    await ok("network disconnect one steady");
  }
  await ok("rm -f steady");
  await ok("network rm one");
  await nothingIsLeft();
});

test("clients that go away in the middle are forgotten", async () => {
  await ok("run -d --name talker busybox sleep 1000");
  for (const line of ["events", "logs -f talker", "attach talker", "exec talker sleep 1000"]) {
    await daemon.docker(line.split(" "), { timeoutMs: 500 });
  }
  await ok("rm -f talker");
  await nothingIsLeft();
});

test("a containerd that is killed comes back, and containers can be run again", async () => {
  const { stdout } = await run(["pgrep", "-P", String(daemon.pid), "containerd"]);
  const pid = Number(stdout.trim().split("\n")[0]);
  assert.ok(pid > 1, `containerd is a child of the daemon: ${stdout}`);
  process.kill(pid, "SIGKILL");
  const answered = await until(
    "a container runs",
    async () => {
      const ran = await daemon.docker(["run", "--rm", "busybox", "echo", "again"], { timeoutMs: 20_000 });
      return ran.status === 0 && ran.stdout;
    },
    60_000,
  );
  assert.equal(answered.trim(), "again");
  assert.equal((await ok("network ls -q")).split("\n").length, 3);
});

test("in the end nothing is left", async () => {
  await ok("container prune -f");
  assert.equal(await ok("ps -aq"), "");
  fresh = { ...fresh, descriptors: fresh.descriptors + 4 };
  await nothingIsLeft();
});
