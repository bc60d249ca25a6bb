/** `--metrics-addr` of a real daemon, as Prometheus would ask: curl fetches, docs/metrics.md says what must be there. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { TestDaemon } from "../support/daemon.ts";
import { DockerLines, sh } from "../support/docker-lines.ts";
import { until } from "../support/wait.ts";

let daemon: TestDaemon;
let docker: DockerLines;

before(async () => {
  daemon = await TestDaemon.start("--metrics-addr", "127.0.0.1:9323");
  docker = new DockerLines(daemon);
  await docker.importBusybox();
});
after(async () => daemon[Symbol.asyncDispose]());

async function lines(): Promise<readonly string[]> {
  return (await sh("curl -sf http://127.0.0.1:9323/metrics")).split("\n");
}

async function value(series: string): Promise<number> {
  const line = (await lines()).find((one) => one.startsWith(`${series} `));
  assert.ok(line !== undefined, `${series} is not told`);
  return Number(line.slice(series.length));
}

test("all that the documentation names is told, and nothing of ours that it does not name", async () => {
  const document = readFileSync(new URL("../../docs/metrics.md", import.meta.url), "utf8");
  const [always = ""] = document.split("With `--cluster-store` also:");
  const named = [...always.matchAll(/`((?:engine_daemon|causeway)_\w+)`/g)].map(([, name]) => name);
  const told = (await lines()).flatMap((line) => /^# TYPE ((?:engine_daemon|causeway)_\w+) /.exec(line)?.[1] ?? []);
  assert.deepEqual(new Set(told), new Set(named));
});

test("networks, containers and actions are counted as they come and go", async () => {
  await docker.ok("network create backend");
  await docker.ok("run -d --name c1 --net backend busybox sleep 1000");
  await docker.ok("network connect bridge c1");
  assert.equal(await value('causeway_networks{driver="bridge",scope="local"}'), 2);
  assert.equal(await value('causeway_endpoints{driver="bridge"}'), 2);
  assert.equal(await value("causeway_sandboxes"), 1);
  assert.equal(await value('engine_daemon_container_states_containers{state="running"}'), 1);
  assert.equal(await value('engine_daemon_network_actions_seconds_count{action="allocate"}'), 1);
  assert.equal(await value('engine_daemon_network_actions_seconds_count{action="connect"}'), 1);
  const events = await value("engine_daemon_events_total");
  await docker.ok("rm -f c1");
  await docker.ok("network rm backend");
  assert.equal(await value('engine_daemon_network_actions_seconds_count{action="release"}'), 1);
  assert.equal(await value("causeway_sandboxes"), 0);
  assert.ok((await value("engine_daemon_events_total")) > events);
});

test("what somebody else breaks is counted when it is put right", async () => {
  await sh("ip link set docker0 down");
  await until("docker0 is up again", async () => (await value('causeway_repairs_total{kind="link"}')) > 0);
  assert.match(await sh("ip -o link show docker0"), /[<,]UP[,>]/);
});

test("questions of containers are counted by what came of them", async () => {
  await docker.ok("network create backend");
  const before = await value('causeway_dns_queries_total{outcome="local"}');
  await docker.ok("run --rm --name c1 --net backend busybox nslookup -type=a c1");
  assert.ok((await value('causeway_dns_queries_total{outcome="local"}')) > before);
  await docker.ok("network rm backend");
});
