/** One plain Docker host with Debian's dockerd and `causeway plugin` without a store: Causeway's bridges and subnets. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { withoutDockerd } from "../support/dockerd.ts";
import { PluginHosts, type PluginHost } from "../support/plugin-hosts.ts";
import { until } from "../support/wait.ts";

const skip = withoutDockerd() ?? false;
const RECEIVED = /1 packets received/;

let all: PluginHosts;
let host: PluginHost;

before(async () => {
  if (skip !== false) return;
  all = await PluginHosts.start(1, { without: "store", dockerd: () => ["--live-restore"] });
  host = all.host(1);
});
after(async () => all?.[Symbol.asyncDispose]());

async function passes(): Promise<string> {
  return (await host.run("iptables", "-S", "DOCKER-USER")).stdout;
}

test("containers of a bridge network reach each other, the host and the outside", { skip }, async () => {
  await host.ok("network create -d causeway --subnet 10.80.0.0/24 solo");
  await host.ok("run -d --name c1 --network solo busybox sleep 1000");
  await host.ok("run -d --name c2 --network solo --ip 10.80.0.77 -p 8080:80 busybox httpd -f -p 80 -h /etc");
  for (const target of ["10.80.0.77", "c2", "10.80.0.1", "10.99.0.254"])
    assert.match(await host.ok(`exec c1 ping -c1 -W3 ${target}`), RECEIVED, target);
  assert.equal((await host.run("ping", "-c1", "-W3", "10.80.0.77")).status, 0);
  await until("the port answers", async () => (await host.run("curl", "-s", "10.99.0.1:8080/hostname")).status === 0);
});

test("a subnet of Causeway's choice, beside others", { skip }, async () => {
  const options = "--ipam-driver causeway --ipam-opt causeway.driver=bridge -o causeway.driver=bridge";
  await host.ok(`network create -d causeway ${options} -o com.docker.network.bridge.name=mine second`);
  await host.ok("run -d --name c3 --network second busybox sleep 1000");
  await host.ok("run -d --name c4 --network second busybox sleep 1000");
  assert.match(await host.ok("exec c3 ping -c1 -W3 c4"), RECEIVED);
  assert.equal(await host.does("exec c1 ping -c1 -W1 c3"), false);
  assert.equal((await host.run("ip", "link", "show", "mine")).status, 0);
  await host.ok("rm -f c3 c4");
  await host.ok("network rm second");
  assert.notEqual((await host.run("ip", "link", "show", "mine")).status, 0);
});

test("what is dockerd's to do is refused, and overlay networks without a store", { skip }, async () => {
  const icc = "network create -d causeway -o com.docker.network.bridge.enable_icc=false third";
  assert.match(await host.fails(icc), /enable_icc is of the way out, which is dockerd's here/);
  const overlay = "network create -d causeway -o causeway.driver=overlay third";
  assert.match(await host.fails(overlay), /--cluster-store/);
  assert.match(await host.fails("network create -d causeway -o causeway.driver=odd third"), /bridge and overlay/);
});

test(
  "the plugin and dockerd restart: containers keep what they have, and rules that were flushed return",
  { skip },
  async () => {
    await host.run("iptables", "-F", "DOCKER-USER");
    await host.plugin.stop("SIGKILL");
    await host.plugin.start();
    assert.match(await passes(), /-i (\S+) -o \1 -j ACCEPT/);
    await host.dockerd.stop();
    await host.dockerd.start();
    assert.match(await host.ok("exec c1 ping -c1 -W3 c2"), RECEIVED);
  },
);

test("nothing is left of it", { skip }, async () => {
  await host.ok("rm -f c1 c2");
  await host.ok("network rm solo");
  assert.doesNotMatch((await host.run("ip", "-o", "link")).stdout, /cw-|cwl|causeway:/);
  assert.doesNotMatch(await passes(), /ACCEPT/);
});
