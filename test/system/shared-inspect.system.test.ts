/** What docker shows on one host of a network that containers of another host are on. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Lab } from "../lab/lab.ts";
import { missingStore } from "../support/cluster-servers.ts";
import { DockerLines } from "../support/docker-lines.ts";
import { until } from "../support/wait.ts";

const skip = missingStore("etcd");
let hosts: Lab | undefined;
let a: DockerLines;
let b: DockerLines;

before(async () => {
  if (skip !== false) return;
  hosts = await Lab.open("etcd", { hosts: 2 });
  a = new DockerLines(hosts.host(1).daemon);
  b = new DockerLines(hosts.host(2).daemon);
  await a.ok("network create -d overlay shop");
  await until("shop on the other host", () => b.does("network inspect shop"));
  await a.ok("run -d --name c1 --net shop busybox sleep 3600");
});
after(async () => hosts?.[Symbol.asyncDispose]());

const peers = async (docker: DockerLines): Promise<string> =>
  docker.ok("network inspect -f '{{range .Peers}}{{.Name}}={{.IP}} {{end}}' shop");

test("inspect shows the endpoint of the other host as it is there, and whose host it is on", { skip }, async () => {
  const endpoint = await a.ok("inspect -f '{{.NetworkSettings.Networks.shop.EndpointID}}' c1");
  const format = "{{.Name}} {{.MacAddress}} {{.IPv4Address}} {{.EndpointID}}";
  const shown = async (docker: DockerLines, key: string): Promise<string> =>
    docker.ok(`network inspect -f '{{with index .Containers "${key}"}}${format}{{end}}' shop`);
  const here = await shown(a, await a.ok("inspect -f {{.Id}} c1"));
  assert.match(here, /^c1 [0-9a-f:]{17} 10\.\d+\.\d+\.\d+\/24 [0-9a-f]{64}$/);
  await until("the endpoint on the other host", async () => (await shown(b, `ep-${endpoint}`)) === here);
  assert.equal(await peers(b), "host1=10.99.0.1");
  await b.ok("run -d --name c2 --net shop busybox sleep 3600");
  assert.equal(await peers(b), "host1=10.99.0.1 host2=10.99.0.2");
  await until("both hosts", async () => (await peers(a)) === "host1=10.99.0.1 host2=10.99.0.2");
  await b.ok("rm -f c2");
});

test(
  "a network that is used elsewhere is found by its scope and driver, and is neither dangling nor pruned",
  { skip },
  async () => {
    const names = async (filter: string): Promise<string> =>
      b.ok(`network ls --filter ${filter} --filter type=custom --format {{.Name}}`);
    assert.deepEqual([await names("scope=global"), await names("driver=overlay")], ["shop", "shop"]);
    assert.deepEqual([await names("dangling=true"), await names("dangling=false")], ["docker_gwbridge", "shop"]);
    assert.equal(await b.ok("network prune -f"), "Deleted Networks:\ndocker_gwbridge");
    assert.equal(await names("scope=global"), "shop");
  },
);

test("docker info knows the driver", { skip }, async () => {
  const drivers = await a.ok("info -f '{{range .Plugins.Network}}{{.}} {{end}}'");
  assert.match(drivers, /\boverlay\b/);
});
