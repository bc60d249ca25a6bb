/**
 * Published ports under other settings of the daemon: a restart while containers run, no rules of ours, no proxy, the nftables
 * backend; and who `causeway ports` says can reach them, also beside a firewall of the host.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeBusyboxTar } from "../../tools/demo/busybox-tar.ts";
import { TestDaemon } from "../support/daemon.ts";
import { run } from "../support/run.ts";
import { until } from "../support/wait.ts";

const HOST = "192.168.7.1";
const LAN = "ip netns exec lan";
const CAUSEWAY = new URL("../../bin/causeway.js", import.meta.url).pathname;

async function sh(script: string): Promise<string> {
  const { status, stdout, stderr } = await run(["sh", "-ec", script]);
  assert.equal(status, 0, `${script}: ${stderr}`);
  return stdout;
}

before(async () => {
  await sh(`
    ip netns add lan
    ip link add lan0 type veth peer name eth0 netns lan
    ip address add ${HOST}/24 dev lan0 && ip link set lan0 up
    ip -n lan address add 192.168.7.2/24 dev eth0 && ip -n lan link set eth0 up
  `);
});
after(async () => sh("ip netns del lan"));

/** Each daemon begins on a host that none was on: with records of their own, they would not know each other's rules. */
async function cleanHost(): Promise<void> {
  await sh(`
    for table in raw mangle nat filter; do iptables -t $table -F; iptables -t $table -X; done
    iptables -P FORWARD ACCEPT; nft list tables | sed 's/table/delete table/' | grep -v 'ip6\\? \\(raw\\|mangle\\|nat\\|filter\\)$' | nft -f -
    ip link del docker0 2>/dev/null || true
  `);
}

async function start(...flags: string[]): Promise<TestDaemon> {
  await cleanHost();
  const daemon = await TestDaemon.start(...flags);
  const tar = join(daemon.directory, "busybox.tar");
  makeBusyboxTar(tar);
  assert.equal((await daemon.docker(["import", tar, "busybox"])).status, 0);
  return daemon;
}

/** A container whose port 80 answers with its name. */
async function serve(daemon: TestDaemon, name: string, ...flags: string[]): Promise<void> {
  const program = `mkdir -p /www; echo ${name} >/www/index.html; exec httpd -f -p 80 -h /www`;
  const ran = await daemon.docker(["run", "-d", "--name", name, ...flags, "busybox", "sh", "-c", program]);
  assert.equal(ran.status, 0, `${ran.stderr}\n${daemon.log}`);
  await until(`${name} serves`, async () => {
    return (await daemon.docker(["exec", name, "timeout", "1", "wget", "-qO-", "http://127.0.0.1/"])).status === 0;
  });
}

async function get(url: string, where = ""): Promise<string | undefined> {
  const { status, stdout } = await run(["sh", "-c", `${where} curl -sg -m 2 '${url}'`]);
  return status === 0 ? stdout.trim() : undefined;
}

test("a daemon that restarts under running containers holds the same ports again, and rules stand meanwhile", async () => {
  await using daemon = await start("--live-restore");
  await serve(daemon, "web", "-p", "8080:80", "-p", "80");
  const shown = (await daemon.docker(["port", "web"])).stdout;
  const rules = await sh("iptables-save | grep -v '^[#:]'");
  await daemon.stop();
  assert.equal(await get(`http://${HOST}:8080/`, LAN), "web", "without a daemon");
  assert.equal(await sh("ss -Hltn sport = :8080"), "");
  await daemon.start();
  assert.equal((await daemon.docker(["port", "web"])).stdout, shown);
  assert.match(await sh("ss -Hltn sport = :8080"), /0\.0\.0\.0:8080[\s\S]*\[::\]:8080/);
  assert.equal(await sh("iptables-save | grep -v '^[#:]'"), rules);
  for (const url of [`http://${HOST}:8080/`, "http://127.0.0.1:8080/", "http://[::1]:8080/"]) {
    assert.equal(await get(url), "web", url);
  }
  const taken = await daemon.docker(["run", "--rm", "-p", "8080:80", "busybox", "true"]);
  assert.match(taken.stderr, /Bind for 0\.0\.0\.0:8080 failed: port is already allocated/);
  await daemon.docker(["rm", "-f", "web"]);
});

test("without rules of ours the proxy takes every published port", async () => {
  await using daemon = await start("--iptables=false");
  await serve(daemon, "web", "-p", "8080:80");
  assert.equal(await get(`http://${HOST}:8080/`, LAN), "web");
  assert.equal(await get("http://127.0.0.1:8080/"), "web");
  assert.equal(await get("http://[::1]:8080/"), "web");
  assert.equal(await sh("iptables-save | grep -c -e '-j DNAT' || true"), "0\n");
  await daemon.docker(["rm", "-f", "web"]);
  assert.equal(await get("http://127.0.0.1:8080/"), undefined);
});

test("without the proxy rules do what they can, localhost included, and nobody claims the rest", async () => {
  await using daemon = await start("--userland-proxy=false");
  await serve(daemon, "web", "-p", "8080:80");
  assert.equal(await get(`http://${HOST}:8080/`, LAN), "web");
  assert.equal(await get("http://127.0.0.1:8080/"), "web");
  assert.equal((await daemon.docker(["port", "web"])).stdout, "80/tcp -> 0.0.0.0:8080\n");
  assert.equal(await sh("ss -Hltn sport = :8080 | grep -c '\\[::\\]' || true"), "0\n");
  await daemon.docker(["rm", "-f", "web"]);
});

test("over nftables a port is reached from everywhere too", async () => {
  await using daemon = await start("--firewall-backend=nftables");
  await serve(daemon, "web", "-p", "8080:80", "-p", "127.0.0.1:8081:80");
  assert.equal(await get(`http://${HOST}:8080/`, LAN), "web");
  for (const host of [HOST, "127.0.0.1", "[::1]"]) assert.equal(await get(`http://${host}:8080/`), "web", host);
  assert.equal(await get(`http://${HOST}:8081/`, LAN), undefined);
  const inside = await daemon.docker(["exec", "web", "timeout", "2", "wget", "-qO-", `http://${HOST}:8080/`]);
  assert.equal(inside.stdout, "web\n", "hairpin");
  await daemon.docker(["rm", "-f", "web"]);
});

test("causeway ports says who reaches each port, and that a firewall's denial is in vain", async () => {
  await using daemon = await start();
  await serve(daemon, "web", "-p", "8080:80", "-p", "127.0.0.1:8081:80");
  const causeway = async () => run([process.execPath, CAUSEWAY, "-H", daemon.host, "ports"]);
  const lines = (await causeway()).stdout.split("\n").map((line) => line.split(/ {2,}/));
  const reach = new Map(lines.map((cells) => [cells[0], [cells[4], cells[5]]]));
  assert.deepEqual(reach.get("0.0.0.0:8080"), ["translation", "192.168.7.0/24"]);
  assert.deepEqual(reach.get("127.0.0.1:8081"), ["translation", "this host alone"]);
  assert.equal(reach.get("[::]:8080")?.[0], "proxy");
  assert.equal((await causeway()).stderr, "");
  await sh(`
    iptables -N ufw-user-input && iptables -N ufw-skip-to-policy-input && iptables -A INPUT -j ufw-user-input
    iptables -A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT
    iptables -A ufw-skip-to-policy-input -j DROP && iptables -A INPUT -j ufw-skip-to-policy-input
  `);
  const { stderr } = await causeway();
  assert.match(stderr, /^WARNING: 0\.0\.0\.0:8080: ufw denies 8080\/tcp and is not asked/);
  assert.equal(stderr.trim().split("\n").length, 1, "neither the loopback nor the proxy's socket is warned about");
  assert.equal(await get(`http://${HOST}:8080/`, LAN), "web", "the warning is true");
  await sh("iptables -F INPUT; iptables -F ufw-user-input; iptables -F ufw-skip-to-policy-input");
  await sh("iptables -X ufw-user-input; iptables -X ufw-skip-to-policy-input");
  await daemon.docker(["rm", "-f", "web"]);
});
