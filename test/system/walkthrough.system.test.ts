/**
 * The walk-through of the document that Causeway follows, typed into the real docker CLI. Each test is a line of it, in order;
 * they share one daemon. The last ones count what is left.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeBusyboxTar } from "../../tools/demo/busybox-tar.ts";
import { TestDaemon } from "../support/daemon.ts";
import { run } from "../support/run.ts";
import type { Ran } from "../support/run.ts";
import { Terminal } from "../support/terminal.ts";
import { takeTraces } from "../support/traces.ts";
import type { Traces } from "../support/traces.ts";
import { until } from "../support/wait.ts";

let daemon: TestDaemon;
let fresh: Traces;
const ids = new Map<string, string>();

before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => daemon[Symbol.asyncDispose]());

const docker = async (line: string): Promise<Ran> => daemon.docker(line.split(" "));

/** Runs a line that must succeed; gives its output without the last line end. */
async function ok(line: string): Promise<string> {
  const ran = await docker(line);
  assert.equal(ran.status, 0, `docker ${line}: ${ran.stderr}\n${daemon.log}`);
  return ran.stdout.trimEnd();
}

/** Runs a line that must fail; gives what it complained. */
async function fails(line: string): Promise<string> {
  const ran = await docker(line);
  assert.notEqual(ran.status, 0, `docker ${line} should have failed: ${ran.stdout}`);
  return ran.stderr.trim();
}

async function json(line: string): Promise<Record<string, unknown>[]> {
  const parsed: Record<string, unknown>[] = JSON.parse(await ok(line));
  return parsed;
}

test("docker network create prints the 64-digit id", async () => {
  fresh = await takeTraces(daemon.pid);
  for (const name of ["backend", "frontend"]) {
    const id = await ok(`network create ${name}`);
    assert.match(id, /^[0-9a-f]{64}$/);
    ids.set(name, id);
  }
});

test("docker network ls shows five networks in docker's columns", async () => {
  const lines = (await ok("network ls")).split("\n").map((line) => line.trim().split(/\s{2,}/));
  assert.deepEqual(lines[0], ["NETWORK ID", "NAME", "DRIVER", "SCOPE"]);
  assert.deepEqual(
    lines.slice(1).map(([, ...rest]) => rest),
    [
      ["backend", "bridge", "local"],
      ["bridge", "bridge", "local"],
      ["frontend", "bridge", "local"],
      ["host", "host", "local"],
      ["none", "null", "local"],
    ],
  );
  assert.equal(lines[1]?.[0], ids.get("backend")?.slice(0, 12));
});

test("the predefined networks cannot be removed", async () => {
  for (const name of ["bridge", "host", "none"]) {
    const text = await fails(`network rm ${name}`);
    assert.match(text, new RegExp(`${name} is a pre-defined network and cannot be removed`));
  }
});

test("a name is given once", async () => {
  assert.match(await fails("network create backend"), /network with name backend already exists/);
});

test("docker import makes an image of a tar file", async () => {
  const tar = join(daemon.directory, "busybox.tar");
  makeBusyboxTar(tar);
  const { status, stdout, stderr } = await daemon.docker(["import", "--change", 'CMD ["sh"]', tar, "busybox"]);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^sha256:[0-9a-f]{64}$/m);
});

test("docker run starts c1 and c2 on backend and c3 on frontend", async () => {
  for (const [name, network] of [
    ["c1", "backend"],
    ["c2", "backend"],
    ["c3", "frontend"],
  ]) {
    assert.match(await ok(`run -itd --name ${name} --net ${network} busybox`), /^[0-9a-f]{64}$/);
  }
  assert.deepEqual((await ok("ps --format {{.Names}}")).split("\n"), ["c3", "c2", "c1"]);
});

test("c1 reaches c2 by name", async () => {
  const text = await ok("exec c1 ping -c2 c2");
  assert.match(text, /^PING c2 \(172\.18\.0\.3\)/);
  assert.match(text, /2 packets transmitted, 2 packets received, 0% packet loss/);
});

test("c1 does not know c3", async () => {
  assert.match(await fails("exec c1 ping -c1 c3"), /ping: bad address 'c3'/);
});

test("c1 does not reach c3 by address either", async () => {
  const [container] = await json("inspect c3");
  const address = JSON.stringify(container).match(/"IPAddress":"(172\.19[\d.]+)"/)?.[1];
  assert.ok(address);
  const { status, stdout } = await docker(`exec c1 ping -c1 -W1 ${address}`);
  assert.notEqual(status, 0);
  assert.match(stdout, /100% packet loss/);
});

test("docker exec -it is a real terminal: size, ctrl-c, exit code", async () => {
  const size = { rows: 41, columns: 111 };
  await using terminal = new Terminal("docker exec -it c2 sh", size, daemon.environment());
  await terminal.sees("# ");
  terminal.type("stty size\r");
  await terminal.sees("41 111");
  await terminal.sees("# ");
  terminal.type("sleep 1000\r");
  await terminal.sees("sleep 1000");
  await until("sleep runs in c2", async () => (await docker("exec c2 pidof sleep")).status === 0);
  terminal.type("\u0003");
  await terminal.sees("# ");
  terminal.type("exit 7\r");
  assert.equal(await terminal.ended(), 7);
});

test("c2 has lo and eth0, in backend's subnet", async () => {
  const text = await ok("exec c2 ifconfig");
  assert.deepEqual(
    [...text.matchAll(/^(\w+)/gm)].map(([name]) => name),
    ["eth0", "lo"],
  );
  assert.match(text, /eth0[\s\S]*inet addr:172\.18\.0\.3 +Bcast:172\.18\.255\.255 +Mask:255\.255\.0\.0/);
});

test("connecting frontend plugs eth1 into the running c2", async () => {
  assert.equal(await ok("network connect frontend c2"), "");
  const text = await ok("exec c2 ifconfig");
  assert.deepEqual(
    [...text.matchAll(/^(\w+)/gm)].map(([name]) => name),
    ["eth0", "eth1", "lo"],
  );
  assert.match(text, /eth1[\s\S]*inet addr:172\.19\.0\.3/);
});

test("now c2 and c3 reach each other, and c1 still does not reach c3", async () => {
  assert.match(await ok("exec c2 ping -c1 c3"), /0% packet loss/);
  assert.match(await ok("exec c3 ping -c1 c2"), /0% packet loss/);
  assert.match(await fails("exec c1 ping -c1 c3"), /bad address/);
});

test("disconnecting takes eth1 away, and c3 forgets c2", async () => {
  assert.equal(await ok("network disconnect frontend c2"), "");
  assert.doesNotMatch(await ok("exec c2 ifconfig"), /eth1/);
  assert.match(await fails("exec c3 ping -c1 c2"), /bad address 'c2'/);
});

test("docker network inspect tells pool and containers", async () => {
  const [network] = await json("network inspect backend");
  assert.ok(network);
  assert.equal(network["Id"], ids.get("backend"));
  assert.deepEqual(network["IPAM"], {
    Driver: "default",
    Options: {},
    Config: [{ Subnet: "172.18.0.0/16", Gateway: "172.18.0.1" }],
  });
  const containers: Record<string, Record<string, string>> = JSON.parse(JSON.stringify(network["Containers"]));
  const seen = Object.values(containers).sort((a, b) => (a["Name"] ?? "").localeCompare(b["Name"] ?? ""));
  assert.deepEqual(
    seen.map((one) => [one["Name"], one["IPv4Address"]]),
    [
      ["c1", "172.18.0.2/16"],
      ["c2", "172.18.0.3/16"],
    ],
  );
  for (const one of seen) {
    assert.match(one["EndpointID"] ?? "", /^[0-9a-f]{64}$/);
    assert.match(one["MacAddress"] ?? "", /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
  }
});

test("a network in use is not removed, and the refusal names the container", async () => {
  assert.match(await fails("network rm backend"), /network backend has active endpoints .*c1/);
});

test("the bridge driver's rules read as the document shows them", async () => {
  const { stdout } = await run(["iptables-save"]);
  for (const rule of [
    "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
    "-A FORWARD -i docker0 -o docker0 -j ACCEPT",
  ]) {
    assert.ok(stdout.split("\n").includes(rule), `${rule} in:\n${stdout}`);
  }
  const forward = stdout.split("\n").filter((line) => line.startsWith("-A FORWARD"));
  assert.equal(forward[0], "-A FORWARD -j DOCKER-USER");
  const forwarding = await run(["cat", "/proc/sys/net/ipv4/ip_forward"]);
  assert.equal(forwarding.stdout.trim(), "1");
});

test("without --net a container joins docker0", async () => {
  await ok("run -itd --name plain busybox");
  assert.match(await ok("exec plain ifconfig eth0"), /inet addr:172\.17\.0\.2/);
  assert.match(await ok("exec plain route -n"), /^0\.0\.0\.0 +172\.17\.0\.1 /m);
  assert.match((await run(["ip", "route"])).stdout, /^172\.17\.0\.0\/16 dev docker0 /m);
  assert.match((await run(["bridge", "link"])).stdout, / master docker0 /);
  assert.match((await run(["brctl", "show", "docker0"])).stdout, /^docker0\s+\S+\s+no\s+\S+/m);
});

test("--net none has lo alone, --net host the daemon's own links", async () => {
  assert.deepEqual((await ok("run --rm --net none busybox ls /sys/class/net")).split(/\s+/), ["lo"]);
  const host = (await ok("run --rm --net host busybox ip -o link")).match(/docker0/g);
  assert.ok(host);
});

test("hostname, DNS, address, alias and MAC are as asked for", async () => {
  assert.equal(await ok("run --rm -h deep.example busybox hostname"), "deep.example");
  const resolv = await ok("run --rm --dns 192.0.2.53 --dns-search example.org busybox cat /etc/resolv.conf");
  assert.match(resolv, /^nameserver 192\.0\.2\.53$/m);
  assert.match(resolv, /^search example\.org$/m);
  await ok(
    "run -itd --name fixed --net backend --ip 172.18.7.7 --network-alias db --mac-address 02:42:ac:12:07:07 busybox",
  );
  const shown = await ok("exec fixed ifconfig eth0");
  assert.match(shown, /HWaddr 02:42:AC:12:07:07/);
  assert.match(shown, /inet addr:172\.18\.7\.7/);
  assert.match(await ok("exec c1 ping -c1 db"), /PING db \(172\.18\.7\.7\)/);
});

test("the three files in /etc are ours, mounted over the image's", async () => {
  const mounts = await ok("exec c1 mount");
  for (const file of ["hosts", "hostname", "resolv.conf"]) assert.match(mounts, new RegExp(` /etc/${file} `));
  assert.match(await ok("exec c1 cat /etc/resolv.conf"), /^nameserver 127\.0\.0\.11$/m);
});

test("after all is removed nothing is left", async () => {
  await ok("rm -f c1 c2 c3 plain fixed");
  assert.equal(await ok("network rm backend frontend"), "backend\nfrontend");
  await until("links, rules and mounts are as in the beginning", async () => {
    const now = await takeTraces(daemon.pid);
    const same = (["links", "rules", "mounts", "namespaces"] as const).every(
      (what) => JSON.stringify(now[what]) === JSON.stringify(fresh[what]),
    );
    return same || undefined;
  }).catch(async (cause: unknown) => {
    assert.deepEqual(await takeTraces(daemon.pid), fresh, String(cause));
  });
});

test("it stops cleanly on SIGTERM", async () => {
  assert.equal(await daemon.stop(), 0, daemon.log);
  assert.match(daemon.log, /Daemon shutdown complete/);
});
