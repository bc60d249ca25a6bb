/**
 * The way out of containers that are on an overlay only, through the real docker CLI: docker_gwbridge, its addresses and rules,
 * published ports, and what `docker info` says of the store that the overlay needs. Judged from outside: by the namespace that
 * the hosts' wires lead to.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Lab } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { missingStore } from "../support/cluster-servers.ts";
import { DockerLines, sh } from "../support/docker-lines.ts";
import { until } from "../support/wait.ts";

const skip = missingStore("etcd");
/** Where the test stands, on the hosts' wire. */
const OUTSIDE = "10.99.0.254";
const SERVE = "sh -c 'mkdir -p /www; echo hello >/www/index.html; exec httpd -f -p 80 -h /www'";

let all: Lab | undefined;
let host: LabHost;
let docker: DockerLines;

before(async () => {
  if (skip !== false) return;
  all = await Lab.open("etcd", { hosts: 1, flags: ["--live-restore", "--metrics-addr=:9323"] });
  host = all.host(1);
  docker = new DockerLines(host.daemon);
  await docker.ok("network create -d overlay shop");
});
after(async () => all?.[Symbol.asyncDispose]());

const inside = async (container: string, command: string): Promise<string> => docker.ok(`exec ${container} ${command}`);

/** `eth0 eth1`, in the container. */
async function interfaces(container: string): Promise<string> {
  const lines = (await inside(container, "ip -o link")).split("\n");
  const names = lines.map((line) => /^\d+: ([^:@]+)/.exec(line)?.[1] ?? "");
  return names.filter((name) => name !== "lo").join(" ");
}

async function defaultRoute(container: string): Promise<string> {
  return /^default via \S+ dev (\S+)/m.exec(await inside(container, "ip route"))?.[1] ?? "";
}

/** What is served at a port of the host, asked from outside. */
async function served(port: string): Promise<string> {
  return until(`port ${port} of the host answers`, async () => {
    const answer = await sh(`curl -s -m 2 http://${host.address}:${port}/ || true`);
    return answer.trim() !== "" && answer.trim();
  });
}

test(
  "a container on an overlay reaches the outside, and a published port of it is reached from there",
  { skip },
  async () => {
    await docker.ok(`run -d --name c1 --net shop -p 8080:80 busybox ${SERVE}`);
    assert.equal(await interfaces("c1"), "eth0 eth1");
    assert.equal(await defaultRoute("c1"), "eth1");
    assert.match(await inside("c1", `ping -c 1 -W 2 ${OUTSIDE}`), /1 packets received/);
    assert.equal(await served("8080"), "hello");
    assert.match(await docker.ok("port c1"), /^80\/tcp -> 0\.0\.0\.0:8080$/m);
  },
);

test(
  "docker shows the container on its own networks only, and its gateway endpoint on docker_gwbridge",
  { skip },
  async () => {
    const shown = await docker.ok("inspect -f '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}' c1");
    assert.equal(shown.trim(), "shop");
    assert.equal(await docker.ok("ps -q --filter network=docker_gwbridge"), "");
    const format = "{{range $id, $c := .Containers}}{{$id}} {{$c.Name}}{{end}}";
    const id = await docker.ok("inspect -f {{.Id}} c1");
    assert.match(
      await docker.ok(`network inspect -f '${format}' docker_gwbridge`),
      new RegExp(`^${id} gateway_[0-9a-f]{12}$`),
    );
    const options = await docker.ok("network inspect -f '{{json .Options}} {{.Driver}} {{.Scope}}' docker_gwbridge");
    assert.equal(
      options,
      '{"com.docker.network.bridge.enable_icc":"false","com.docker.network.bridge.enable_ip_masquerade":"true","com.docker.network.bridge.name":"docker_gwbridge"} bridge local',
    );
    const subnet = await docker.ok("network inspect -f '{{(index .IPAM.Config 0).Subnet}}' docker_gwbridge");
    const hosts = await inside("c1", "cat /etc/hosts");
    assert.ok(!hosts.includes(subnet.split(".").slice(0, 2).join(".")), hosts);
    assert.match(await docker.fails("network rm docker_gwbridge"), /has active endpoints \(name:"gateway_/);
  },
);

test("containers do not reach each other through it", { skip }, async () => {
  await docker.ok("run -d --name c2 --net shop busybox sleep 3600");
  assert.match(await inside("c2", "ping -c 1 -W 2 c1"), /1 packets received/);
  const c1 = await docker.ok("inspect -f {{.Id}} c1");
  const format = `{{(index .Containers "${c1}").IPv4Address}}`;
  const [peer = ""] = (await docker.ok(`network inspect -f '${format}' docker_gwbridge`)).split("/");
  assert.match(await inside("c1", `ping -c 1 -W 1 ${peer}`), /1 packets received/);
  assert.ok(!(await docker.does(`exec c2 ping -c 1 -W 1 ${peer}`)), `${peer} answers`);
});

test("it goes with a network that has a gateway and comes back; the port keeps its number", { skip }, async () => {
  await docker.ok("network connect bridge c1");
  assert.equal(await interfaces("c1"), "eth0 eth2");
  assert.equal(await defaultRoute("c1"), "eth2");
  assert.equal(await served("8080"), "hello");
  await docker.ok("network disconnect bridge c1");
  assert.equal(await interfaces("c1"), "eth0 eth1");
  assert.equal(await served("8080"), "hello");
});

test("an internal overlay has no way out", { skip }, async () => {
  await docker.ok("network create -d overlay --internal cellar");
  await docker.ok("run -d --name c3 --net cellar busybox sleep 3600");
  assert.deepEqual([await interfaces("c3"), await defaultRoute("c3")], ["eth0", ""]);
  await docker.ok("rm -f c3");
  await docker.ok("network rm cellar");
});

test("a restart of the daemon keeps it, and the next change still works", { skip }, async () => {
  await host.daemon.stop();
  assert.equal(await host.shell("ip -o link show docker_gwbridge | wc -l"), "1\n");
  await host.daemon.start();
  assert.equal(await interfaces("c1"), "eth0 eth1");
  assert.equal(await served("8080"), "hello");
  await docker.ok("network connect bridge c1");
  assert.equal(await interfaces("c1"), "eth0 eth2");
});

test("docker info names the store, and warns while it is away", { skip }, async () => {
  const info = async (): Promise<string> => sh(`curl -s --unix-socket ${host.daemon.socket} http://d/v1.41/info`);
  const metric = async (): Promise<string> =>
    sh(`curl -s http://${host.address}:9323/metrics | grep ^causeway_cluster_connected`);
  assert.match(
    await info(),
    /"ClusterStore":"etcd:\/\/10\.99\.0\.254:\d+\/lab","ClusterAdvertise":"10\.99\.0\.1:2376"/,
  );
  assert.equal((await metric()).trim(), "causeway_cluster_connected 1");
  const warned = async (): Promise<boolean> =>
    (await host.daemon.docker(["info"])).stderr.includes("WARNING: cluster store away since 20");
  assert.equal(await warned(), false);
  await all?.store.stop();
  await until("the warning", warned, 30_000);
  assert.equal((await metric()).trim(), "causeway_cluster_connected 0");
  assert.equal(await served("8080"), "hello");
  await all?.store.start();
  await until("the warning has gone", async () => !(await warned()), 30_000);
});

test("when the containers are gone nothing of it is left but the network", { skip }, async () => {
  await docker.ok("rm -f c1 c2");
  assert.equal(await docker.ok("network inspect -f '{{len .Containers}}' docker_gwbridge"), "0");
  await docker.ok("network rm docker_gwbridge");
  const links = await host.run("ip", "-o", "link");
  assert.doesNotMatch(links.stdout, /docker_gwbridge|veth/);
});
