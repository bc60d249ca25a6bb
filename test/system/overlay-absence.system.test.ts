/**
 * Who is away does not hurt who is there: a daemon that starts again, a store that stops, a host that is killed. The containers of
 * two hosts on one network stay in touch as far as the wires reach.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Lab } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { missingStore } from "../support/cluster-servers.ts";
import { until } from "../support/wait.ts";

/** Longer than a daemon takes to start again on a busy machine: a host that is silent for longer counts as gone. */
const TTL = "--cluster-store-opt=discovery.ttl=12";
const skip = missingStore("etcd");
let all: Lab | undefined;
let a: LabHost;
let b: LabHost;

before(async () => {
  if (skip !== false) return;
  all = await Lab.open("etcd", { hosts: 2, flags: ["--live-restore", TTL] });
  [a, b] = [all.host(1), all.host(2)];
  await a.ok("network create -d overlay shop");
  await until("shop on the other host", async () => await b.does("network inspect shop"));
  await a.ok("run -d --net shop --name c1 busybox sleep 3600");
  await b.ok("run -d --net shop --name c2 busybox sleep 3600");
  await pings(a, "c1", "c2");
});
after(async () => all?.[Symbol.asyncDispose]());

async function pings(host: LabHost, from: string, to: string): Promise<void> {
  await until(`${from} on ${host.name} pings ${to}`, async () => {
    return await host.does(`exec ${from} ping -c 1 -W 1 ${to}`);
  });
}

const addressOf = async (host: LabHost, name: string): Promise<string> =>
  host.ok(`inspect -f {{.NetworkSettings.Networks.shop.IPAddress}} ${name}`);

/** Five pings a second from c1 while something happens; how many were lost before the last answer. */
async function lostMeanwhile(happening: () => Promise<void>): Promise<number> {
  const target = await addressOf(b, "c2");
  await a.ok(`exec -d c1 sh -c ping\${IFS}-i\${IFS}0.2\${IFS}${target}>/tmp/pings`);
  await happening();
  await a.ok("exec c1 killall -INT ping");
  const text = await until("ping's last word", async () => {
    const said = (await a.daemon.docker("exec c1 cat /tmp/pings".split(" "))).stdout;
    return said.includes("packets transmitted") && said;
  });
  // The last may still be on its way when it ends.
  const answered = [...text.matchAll(/seq=(\d+)/g)].map(([, seq]) => Number(seq));
  assert.ok(answered.length > 5, text);
  return Math.max(...answered) + 1 - answered.length;
}

test("a daemon that starts again loses not one packet of its containers", { skip }, async () => {
  const lost = await lostMeanwhile(async () => {
    await b.daemon.stop();
    await b.daemon.start();
    await pings(b, "c2", "c1");
  });
  assert.equal(lost, 0);
  assert.match(b.daemon.log, /networks are as intended" steps=0/);
});

test(
  "while the store is away packets flow, what is shared is refused with its name, and containers may leave",
  { skip },
  async () => {
    const lost = await lostMeanwhile(async () => {
      await all?.store.stop();
      await until("it is refused", async () => {
        const refused = await b.daemon.docker("run --rm --net shop --name c3 busybox true".split(" "));
        return /cluster store etcd:\/\/10\.99\.0\.254/.test(refused.stderr);
      });
      await pings(a, "c1", "c2");
      assert.match(await b.fails("network create -d overlay other"), /cluster store etcd:/);
      assert.match(
        (await b.daemon.docker("info".split(" "))).stdout + (await b.daemon.docker("info".split(" "))).stderr,
        /cluster store/i,
      );
      await b.daemon.stop();
      await b.daemon.start();
      assert.match(await b.ok("network ls"), /shop\s+overlay\s+global/);
      await pings(b, "c2", "c1");
    });
    assert.equal(lost, 0);
    await b.ok("rm -f c2");
    await all?.store.start();
    await until("c2 is forgotten", async () => !(await a.does("exec c1 nslookup c2")), 60_000);
    await until(
      "and may come again",
      async () => {
        return (
          (await b.does("run -d --net shop --name c2 busybox sleep 3600")) ||
          void (await b.daemon.docker("rm -f c2".split(" ")))
        );
      },
      30_000,
    );
    await pings(a, "c1", "c2");
  },
);

test("a host that is cut off is forgotten, keeps its own, and is found again when it is back", { skip }, async () => {
  await b.setCable("down");
  await until("c2 is forgotten", async () => !(await a.does("exec c1 nslookup c2")), 60_000);
  assert.match(await a.fails("network rm shop"), /has active endpoints/);
  await b.setCable("up");
  await until("c2 is found", async () => await a.does("exec c1 nslookup c2"), 60_000);
  await pings(a, "c1", "c2");
});

test("the endpoint of a host that was killed is taken off by force", { skip }, async () => {
  await b.daemon.stop("SIGKILL");
  await until("c2 is forgotten", async () => !(await a.does("exec c1 nslookup c2")), 60_000);
  await a.ok("network disconnect -f shop c2");
  await a.ok("run -d --net shop --name c2 busybox sleep 3600");
  await pings(a, "c1", "c2");
  await a.ok("rm -f c2");
  await b.daemon.start();
});

test("a container that starts with its host waits for the store", { skip }, async () => {
  await b.ok("run -d --restart always --net shop --name c5 busybox sleep 3600");
  await b.ok("stop -t 1 c5");
  await b.daemon.stop();
  await all?.store.stop();
  await b.daemon.start();
  assert.equal(await b.ok("inspect -f {{.State.Running}} c5"), "false");
  assert.match(b.daemon.log, /container is not started yet, it is tried again/);
  await all?.store.start();
  await until("c5 runs", async () => (await b.ok("inspect -f {{.State.Running}} c5")) === "true", 60_000);
  await pings(b, "c5", "c1");
});

test("a container that ends while the store is away is restarted when that is there again", { skip }, async () => {
  await all?.store.stop();
  const tries = (): number => b.daemon.log.split("is tried again").length;
  const before = tries();
  await b.run("kill", "-9", await b.ok("inspect -f {{.State.Pid}} c5"));
  await until("it is tried again", () => tries() > before);
  await all?.store.start();
  await until("c5 runs", async () => (await b.ok("inspect -f {{.State.Running}} c5")) === "true", 60_000);
});
