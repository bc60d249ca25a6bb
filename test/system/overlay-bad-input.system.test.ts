/**
 * What people and other programs do to a cluster that they should not: each gives a clear error on the host concerned, and the
 * other hosts go on as if nothing had been. Their containers are asked after every one of them.
 */
import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { after, afterEach, before, test } from "node:test";
import { keysBelow, putKey } from "../lab/etcd-keys.ts";
import type { Lab } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { Pings } from "../lab/pings.ts";
import { OWN_ADDRESS } from "../lab/underlay.ts";
import { missingStore } from "../support/cluster-servers.ts";
import { TestDaemon } from "../support/daemon.ts";
import { until } from "../support/wait.ts";
import { addressOf, CHANGE_MS, openShop } from "./overlay-shop.fixture.ts";

const skip = missingStore("etcd");
const CLOCK = new URL("../lab/clock.mjs", import.meta.url).pathname;
let lab: Lab;
let a: LabHost;
let b: LabHost;
/** The host that suffers. */
let c: LabHost;

before(async () => {
  if (skip !== false) return;
  lab = await openShop("etcd", { ttlS: 5 });
  [a, b, c] = [lab.host(1), lab.host(2), lab.host(3)];
});
after(async () => lab?.[Symbol.asyncDispose]());
afterEach(async () => {
  if (skip !== false) return;
  await a.pings("c1", "c2");
  await b.pings("c2", "c1");
});

interface Place {
  readonly flags: readonly string[];
  /** Shell lines on the machine: before the other daemon starts, and before its own starts again. */
  readonly before?: string;
  readonly afterwards?: string;
}

/** Another daemon on the suffering host's machine in place of its own, which is stopped. */
async function inPlace(
  { flags, before: first = ":", afterwards = ":" }: Place,
  body: (other: TestDaemon) => Promise<void>,
): Promise<void> {
  await c.daemon.stop();
  await c.shell(first);
  const own = ["--exec-root=/run/other", "--pidfile=/run/other.pid"];
  const other = TestDaemon.prepare({ within: () => c.commandOn(), flags: [...own, ...flags] });
  try {
    await body(other);
  } finally {
    await other[Symbol.asyncDispose]();
    await c.shell(afterwards);
    await c.daemon.start();
  }
}

/** What it says as it gives up. */
async function refused(place: Place): Promise<string> {
  let said = "it started";
  await inPlace(place, async (other) => {
    await other.start().catch((cause: unknown) => (said = String(cause)));
  });
  return said;
}

const cluster = (advertise: string, store = `${lab.store.url}/lab`): readonly string[] => [
  `--cluster-store=${store}`,
  `--cluster-advertise=${advertise}:2376`,
];

test("a second host of the same name is refused, and told whose it is", { skip }, async () => {
  const said = await refused({ flags: cluster(c.address), before: "hostname host1", afterwards: "hostname host3" });
  assert.match(said, /the name host1 of this host is in use by host host1 \(10\.99\.0\.1\) of the cluster/);
});

test("a second host of the same address is refused, and told whose it is", { skip }, async () => {
  const address = `${a.address}/32 dev lo`;
  const said = await refused({
    flags: cluster(a.address),
    before: `hostname other; ip address add ${address}`,
    afterwards: `hostname host3; ip address del ${address}`,
  });
  assert.match(said, /the address 10\.99\.0\.1 of this host is in use by host host1 \(10\.99\.0\.1\) of the cluster/);
});

test("an address that the host does not have is refused, with those that it has", { skip }, async () => {
  assert.match(
    await refused({ flags: cluster("10.99.0.77") }),
    /--cluster-advertise 10\.99\.0\.77:2376: 10\.99\.0\.77 is not an address of this host, which has .*10\.99\.0\.3 \(wire0\)/,
  );
});

test("a cluster that was set up otherwise under the same prefix is not joined", { skip }, async () => {
  const key = "causeway/settings";
  const settings = (await keysBelow(lab, key)).get(key) ?? "";
  let said = "";
  const address = "10.99.0.33/32 dev lo";
  const place = {
    flags: cluster("10.99.0.33"),
    before: `hostname other; ip address add ${address}`,
    afterwards: `hostname host3; ip address del ${address}`,
  };
  await inPlace(place, async (other) => {
    await putKey(lab, key, JSON.stringify({ format: 1, pools: ["172.30.0.0/16 in /24"], vxlanPort: 4790 }));
    await other.start().catch((cause: unknown) => (said = String(cause)));
    await putKey(lab, key, settings);
  });
  assert.match(
    said,
    /set up with format 1, address pools 172\.30\.0\.0\/16 in \/24 and VXLAN port 4790, this host with format 1, address pools 10\.0\.0\.0\/8/,
  );
});

for (const scheme of ["etcd", "consul", "zk"]) {
  test(
    `what answers rubbish where ${scheme} should be is said, and harms nothing else of the host`,
    { skip },
    async () => {
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        sockets.add(socket.once("error", () => undefined));
        socket.on("data", () => socket.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\u0000rubbish\n"));
      });
      const { promise, resolve } = Promise.withResolvers<void>();
      server.listen(0, OWN_ADDRESS, resolve);
      await promise;
      const bound = server.address();
      assert.ok(bound !== null && typeof bound === "object");
      const store = `${scheme}://${OWN_ADDRESS}:${bound.port}`;
      await inPlace({ flags: cluster(c.address, store) }, async (other) => {
        await other.start();
        await until("docker info says so", async () => {
          return (await other.docker(["info"])).stderr.includes("WARNING: cluster store away since 20");
        });
        const { stderr } = await other.docker(["network", "create", "-d", "overlay", "rubbish"]);
        assert.match(stderr, new RegExp(`cluster store ${store}`));
        assert.equal((await other.docker(["network", "create", "backend"])).status, 0);
        assert.equal((await other.docker(["network", "rm", "backend"])).status, 0);
      });
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  );
}

test(
  "keys that were changed to nonsense by hand are complained of by name, and put right by whose they are",
  { skip },
  async () => {
    const keys = await keysBelow(lab, "causeway");
    const c3 = [...keys.keys()].find((key) => /^causeway\/endpoints\/.*\/c3$/.test(key)) ?? "";
    const host =
      [...keys].find(([key, value]) => key.startsWith("causeway/hosts/") && value.includes("host3"))?.[0] ?? "";
    const shop = [...keys.keys()].find((key) => key.startsWith("causeway/networks/")) ?? "";
    assert.deepEqual(
      [c3, host, shop].filter((key) => key === ""),
      [],
    );
    for (const nonsense of ["rubbish", "{}", '{"id": 7, "addresses": "none"}']) {
      for (const key of [c3, host, shop]) await putKey(lab, key, nonsense);
      for (const key of [c3, shop]) {
        const isRight = async (): Promise<boolean> =>
          (await keysBelow(lab, key)).get(key)?.startsWith('{"id":"') ?? false;
        await until(`${key} is right again`, isRight, CHANGE_MS);
      }
      await until(
        "host3 is among the hosts",
        async () => (await keysBelow(lab, host)).get(host)?.includes("host3") ?? false,
        CHANGE_MS,
      );
    }
    await until(`host1 complains of ${shop}`, () => a.daemon.log.includes(shop), CHANGE_MS);
    await a.pings("c1", "c3", CHANGE_MS);
    await c.pings("c3", "c2");
  },
);

test(
  "a clock that is set a day ahead and a day back takes nothing from the host, nor from the others",
  { skip },
  async () => {
    const options = process.env["NODE_OPTIONS"];
    await c.daemon.stop();
    process.env["NODE_OPTIONS"] = `${options ?? ""} --import=${CLOCK}`;
    await c.daemon.start();
    process.env["NODE_OPTIONS"] = options;
    const pings = await Pings.start(a, "c1", await addressOf(c, "c3"));
    for (const name of ["ahead", "back"]) {
      process.kill(c.daemon.pid, "SIGUSR2");
      await c.ok(`run -d --net shop --name ${name} busybox sleep 3600`);
      await b.pings("c2", name);
      await c.ok(`rm -f ${name}`);
    }
    await a.pings("c1", "c3");
    assert.equal(await pings.lost(), 0);
    assert.doesNotMatch(
      c.daemon.log.split("API listen on").at(-1) ?? "",
      /out of the cluster|store is away|did not return/,
    );
  },
);
