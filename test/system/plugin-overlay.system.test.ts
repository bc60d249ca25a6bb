/** Two plain Docker hosts with Debian's dockerd, `causeway plugin` and one etcd: one network, by address and by name. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { missingStore } from "../support/cluster-servers.ts";
import { withoutDockerd } from "../support/dockerd.ts";
import { PluginHosts, type PluginHost } from "../support/plugin-hosts.ts";
import { until } from "../support/wait.ts";

const skip = withoutDockerd() ?? missingStore("etcd");
const CREATE = "network create -d causeway --ipam-driver causeway --ipam-opt causeway.network=shop shop";
const RUN = "run -d --network shop --dns 127.0.0.12";
const RECEIVED = /1 packets received/;

let all: PluginHosts;
/** Its containers outlive dockerd. */
let one: PluginHost;
let two: PluginHost;

before(async () => {
  if (skip !== false) return;
  all = await PluginHosts.start(2, {
    plugin: ["--cluster-store-opt=discovery.ttl=15"],
    dockerd: (number) => (number === 1 ? ["--live-restore"] : []),
  });
  [one, two] = [all.host(1), all.host(2)];
  await one.ok(CREATE);
  await two.ok(CREATE);
  await one.ok(`${RUN} --name c1 busybox sleep 1000`);
  await two.ok(`${RUN} --name c2 busybox sleep 1000`);
});
after(async () => all?.[Symbol.asyncDispose]());

async function addressOf(host: PluginHost, container: string, network = "shop"): Promise<string> {
  return host.ok(`inspect -f {{.NetworkSettings.Networks.${network}.IPAddress}} ${container}`);
}

async function reach(host: PluginHost, from: string, to: string): Promise<void> {
  await until(
    `${to} answers ${from}`,
    async () => RECEIVED.test((await host.dockerd.docker(["exec", from, "ping", "-c1", "-W3", to])).stdout),
    30_000,
  );
}

/** Pings from c1 to c2 while something happens; not one may be lost. */
async function withoutLoss(during: () => Promise<void>): Promise<void> {
  const sandbox = await one.ok("inspect -f {{.NetworkSettings.SandboxKey}} c1");
  const target = await addressOf(two, "c2");
  const end = new AbortController();
  const pinging = (async () => {
    const rounds: string[] = [];
    while (!end.signal.aborted) {
      const ran = await one.run("nsenter", `--net=${sandbox}`, "ping", "-q", "-c5", "-i0.1", "-W2", target);
      rounds.push(ran.stdout);
    }
    return rounds;
  })();
  try {
    await during();
  } finally {
    end.abort();
  }
  const rounds = await pinging;
  assert.ok(rounds.length > 1);
  assert.deepEqual(
    rounds.filter((round) => !round.includes(" 0% packet loss")),
    [],
    `${one.plugin.log}\n${two.plugin.log}`,
  );
}

test("containers of two dockerds reach each other by address", { skip }, async () => {
  const [first, second] = [await addressOf(one, "c1"), await addressOf(two, "c2")];
  assert.notEqual(first, second);
  assert.match(await one.ok(`exec c1 ping -c1 -W3 ${second}`), RECEIVED);
  assert.match(await two.ok(`exec c2 ping -c1 -W3 ${first}`), RECEIVED);
});

test("and by name, alias and new name", { skip }, async () => {
  await reach(one, "c1", "c2");
  await reach(two, "c2", "c1");
  await two.ok(`${RUN} --name c3 --network-alias web busybox sleep 1000`);
  await reach(one, "c1", "web");
  await two.ok("rename c3 c4");
  await reach(one, "c1", "c4");
  await until("c3 is forgotten", async () => !(await one.does("exec c1 ping -c1 -W1 c3")));
  await two.ok("rm -f c4");
  await until("c4 is forgotten", async () => !(await one.does("exec c1 ping -c1 -W1 c4")));
});

test("a container's first words may be another's name on another host", { skip }, async () => {
  for (let round = 0; round < 5; round++)
    assert.match(await one.ok("run --rm --network shop --dns 127.0.0.12 busybox ping -c1 -W3 c2"), RECEIVED);
});

test("the way out and published ports are dockerd's", { skip }, async () => {
  assert.match(await one.ok("exec c1 ping -c1 -W3 10.99.0.254"), RECEIVED);
  await two.ok(`${RUN} --name served -p 8080:80 busybox httpd -f -p 80 -h /etc`);
  await until("the port answers", async () => (await one.run("curl", "-s", "10.99.0.2:8080/hostname")).status === 0);
  await two.ok("rm -f served");
});

test("a subnet of one's own is the network's name too, and its addresses can be asked for", { skip }, async () => {
  const create = "network create -d causeway --ipam-driver causeway --subnet 10.77.0.0/24";
  assert.match(await one.fails(`${create} stock`), /say which network of the cluster this is/);
  await one.ok(`${create} -o causeway.network=stock stock`);
  await two.ok(`${create} store`);
  await two.ok("run -d --name fixed --network store --ip 10.77.0.200 busybox sleep 1000");
  await one.ok("run -d --name free --network stock busybox sleep 1000");
  await reach(one, "free", "10.77.0.200");
  const taken = "run -d --name second --network stock --ip 10.77.0.200 busybox sleep 1000";
  assert.match(await one.fails(taken), /Address already in use/);
  await one.ok("network connect stock c1");
  await reach(one, "c1", "fixed");
  await reach(one, "c1", "c2");
  await one.ok("network disconnect stock c1");
  await until("fixed is another network's", async () => !(await one.does("exec c1 ping -c1 -W1 fixed")));
  await one.ok("rm -f free second");
  await two.ok("rm -f fixed");
  await one.ok("network rm stock");
  await two.ok("network rm store");
});

test("both address families, an MTU of one's own, no way out", { skip }, async () => {
  const subnets = "--ipv6 --subnet 10.79.0.0/24 --subnet fd00:79::/64";
  const create = `network create -d causeway --ipam-driver causeway --ipam-opt causeway.network=dual ${subnets}`;
  await one.ok(`${create} --internal -o com.docker.network.driver.mtu=1400 dual`);
  await two.ok(`${create} --internal dual`);
  await one.ok("run -d --name d1 --network dual --dns 127.0.0.12 busybox sleep 1000");
  await two.ok("run -d --name d2 --network dual --dns 127.0.0.12 busybox sleep 1000");
  await reach(one, "d1", "d2");
  const six = await two.ok("inspect -f {{.NetworkSettings.Networks.dual.GlobalIPv6Address}} d2");
  assert.match(six, /^fd00:79::/);
  await reach(one, "d1", six);
  assert.equal(await one.ok("exec d1 cat /sys/class/net/eth0/mtu"), "1350");
  assert.equal(await one.does("exec d1 ping -c1 -W1 10.99.0.254"), false);
  await one.ok("rm -f d1");
  await two.ok("rm -f d2");
  await one.ok("network rm dual");
  await two.ok("network rm dual");
});

test("containers come to the network and leave it while they run", { skip }, async () => {
  await two.ok("run -d --name late --dns 127.0.0.12 busybox sleep 1000");
  await two.ok("network connect shop late");
  await reach(two, "late", "c1");
  await reach(one, "c1", "late");
  await two.ok("network disconnect shop late");
  await until("late is gone", async () => !(await one.does("exec c1 ping -c1 -W1 late")));
  await two.ok("rm -f late");
});

test("what cannot be is refused with what mends it", { skip }, async () => {
  const create = "network create -d causeway --ipam-driver causeway";
  assert.match(await one.fails(`${create} nameless`), /--ipam-opt causeway.network=NAME/);
  assert.match(await one.fails(`network create -d causeway nameless`), /add --ipam-driver causeway/);
  const other = `${create} --ipam-opt causeway.network=shop --subnet 10.78.0.0/24 other`;
  assert.match(await one.fails(other), /network shop of the cluster has no subnet 10\.78\.0\.0\/24: it has 10\.0\./);
  assert.match(await one.fails(`${create} --ipam-opt causeway.network=a/b other`), /a network's name has letters/);
});

test("the plugin restarts, and dies: not a packet is lost, and it takes up what was", { skip }, async () => {
  await withoutLoss(async () => {
    assert.equal(await one.plugin.stop(), 0);
    await one.plugin.start();
    await two.plugin.stop("SIGKILL");
    await two.plugin.start();
  });
  await reach(one, "c1", "c2");
  await reach(two, "c2", "c1");
  await one.ok(`${RUN} --name c5 busybox sleep 1000`);
  await reach(two, "c2", "c5");
  await one.ok("rm -f c5");
});

test("what a hand changes of the network comes back, and the container keeps its interface", { skip }, async () => {
  const inside = `for n in ${one.state}/run/netns/*; do nsenter --net=$n sh -ec`;
  const down = `${inside} 'for l in $(ip -o link | grep -o "veth[0-9a-f]*"); do ip link set $l down; done'; done`;
  assert.equal((await one.run("sh", "-ec", down)).status, 0);
  await reach(one, "c1", "c2");
  assert.match(one.plugin.log, /the kernel differs from what is intended; repairing/);
  assert.equal(
    (await one.run("sh", "-ec", `${inside} 'bridge fdb flush dev vxlan0 || ip link del vxlan0'; done`)).status,
    0,
  );
  await reach(one, "c1", "c2");
});

test("a container that ends while the plugin is away is no member afterwards", { skip }, async () => {
  await two.ok(`${RUN} --name brief busybox sleep 1000`);
  await reach(one, "c1", "brief");
  const pid = await two.ok("inspect -f {{.State.Pid}} brief");
  await two.plugin.stop("SIGKILL");
  const removed = two.ok("rm -f brief");
  await until("the container has ended", () => !existsSync(`/proc/${pid}`));
  await two.plugin.start();
  await removed;
  await until("brief is forgotten", async () => !(await one.does("exec c1 ping -c1 -W1 brief")));
  await reach(one, "c1", "c2");
});

test("dockerd restarts under running containers: not a packet is lost", { skip }, async () => {
  await withoutLoss(async () => {
    await one.dockerd.stop();
    await one.dockerd.start();
  });
  await reach(one, "c1", "c2");
  await reach(two, "c2", "c1");
});

test("dockerd is killed under running containers, and comes back", { skip }, async () => {
  await withoutLoss(async () => {
    await one.dockerd.stop("SIGKILL");
    await one.dockerd.start();
  });
  await reach(two, "c2", "c1");
});

test("dockerd restarts and takes its containers along: started again they are members again", { skip }, async () => {
  await two.dockerd.stop();
  await until("c2 is gone", async () => !(await one.does("exec c1 ping -c1 -W1 c2")));
  await two.dockerd.start();
  await two.ok("start c2");
  await reach(one, "c1", "c2");
  await reach(two, "c2", "c1");
});

test("the store is away: traffic and names stay, nothing joins; it returns, and all goes on", { skip }, async () => {
  await all.store?.stop();
  await until("the plugin knows", () => one.plugin.log.includes("the cluster store is away"), 30_000);
  await reach(one, "c1", "c2");
  assert.match(await one.fails(`${RUN} --name c6 busybox sleep 1000`), /cluster store etcd:.*10\.99\.0\.254/);
  await one.ok("rm -f c6");
  await all.store?.start();
  await until("a container can join again", async () => {
    await one.does("rm -f c6");
    return one.does(`${RUN} --name c6 busybox sleep 1000`);
  });
  await reach(two, "c2", "c6");
  await one.ok("rm -f c6");
});

/** The addresses that host1's tables know the way to. */
async function known(): Promise<string> {
  const ran = await one.run("sh", "-c", `for n in ${one.state}/run/netns/*; do nsenter --net=$n ip neigh; done`);
  return ran.stdout;
}

test("a host that is cut off leaves the others' names and tables, and returns to them", { skip }, async () => {
  const gone = await addressOf(two, "c2");
  await two.setWire("down");
  await two.plugin.stop("SIGKILL");
  assert.match(await known(), new RegExp(gone));
  await until("the host counts as gone", async () => !(await known()).includes(gone), 90_000);
  assert.equal(await one.does("exec c1 ping -c1 -W1 c2"), false);
  await two.setWire("up");
  await two.plugin.start();
  await reach(one, "c1", "c2");
  await reach(two, "c2", "c1");
});

test("a host that is killed is forgotten, and begins anew with what it had", { skip }, async () => {
  const gone = await addressOf(two, "c2");
  await two.crash();
  await until("the host counts as gone", async () => !(await known()).includes(gone), 90_000);
  assert.equal(await one.does("exec c1 ping -c1 -W1 c2"), false);
  await two.plugin.start();
  await two.dockerd.start();
  await two.ok("start c2");
  await reach(one, "c1", "c2");
  await reach(two, "c2", "c1");
});

test("nothing is left of a network that all hosts removed", { skip }, async () => {
  await one.ok("rm -f c1");
  await two.ok("rm -f c2");
  await one.ok("network rm shop");
  await two.ok("network rm shop");
  for (const host of [one, two]) {
    const links = (await host.run("ip", "-o", "link")).stdout;
    assert.doesNotMatch(links, /cwl|vxlan/);
    const left = await host.run("sh", "-c", `ls ${host.state}/run/netns`);
    assert.equal(left.stdout, "");
  }
  const keys = (await all.keys()).filter((key) => /network|endpoint|address|pool/.test(key) && !/turn/.test(key));
  assert.deepEqual(keys, []);
});
