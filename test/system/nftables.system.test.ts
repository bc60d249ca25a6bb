/**
 * The daemon with `--firewall-backend=nftables`, through the real docker CLI, judged by nft, iptables-save, and by whom a
 * published port answers. The backend comes from the configuration file, so that a restart can change it.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeBusyboxTar } from "../../tools/demo/busybox-tar.ts";
import { TestDaemon } from "../support/daemon.ts";
import { run } from "../support/run.ts";
import { until } from "../support/wait.ts";

const HOST = "192.168.7.1";
const LAN = "ip netns exec lan";

let daemon: TestDaemon;

async function sh(script: string): Promise<string> {
  const { status, stdout, stderr } = await run(["sh", "-ec", script]);
  assert.equal(status, 0, `${script}: ${stderr}`);
  return stdout;
}

/** Runs a line that must succeed; gives its output without the last line end. */
async function ok(...words: readonly string[]): Promise<string> {
  const ran = await daemon.docker(words.flatMap((word) => word.split(" ")));
  assert.equal(ran.status, 0, `docker ${words.join(" ")}: ${ran.stderr}\n${daemon.log}`);
  return ran.stdout.trimEnd();
}

/** Restarts the daemon with that backend. */
async function restartWith(backend: "iptables" | "nftables"): Promise<void> {
  assert.equal(await daemon.stop(), 0);
  writeFileSync(join(daemon.directory, "daemon.json"), JSON.stringify({ "firewall-backend": backend }));
  await daemon.start();
  assert.equal(await ok("info --format {{.FirewallBackend.Driver}}"), backend);
}

async function serve(name: string, ...flags: readonly string[]): Promise<void> {
  const program = `mkdir -p /www; echo ${name} >/www/index.html; exec httpd -f -p 80 -h /www`;
  const command = ["run", "-d", "--name", name, ...flags, "busybox", "sh", "-c", program];
  const { status, stderr } = await daemon.docker(command);
  assert.equal(status, 0, `${stderr}\n${daemon.log}`);
  await until(`${name} serves`, async () => (await from(name, "127.0.0.1")) === name);
}

async function from(container: string, address: string): Promise<string | undefined> {
  const ran = await daemon.docker(["exec", container, "timeout", "2", "wget", "-q", "-O", "-", `http://${address}/`]);
  return ran.status === 0 ? ran.stdout.trim() : undefined;
}

/** What a client gets there; undefined when nobody answers in time. */
async function get(address: string, where = ""): Promise<string | undefined> {
  const { status, stdout } = await run(["sh", "-c", `${where} curl -sg -m 2 'http://${address}/'`]);
  return status === 0 ? stdout.trim() : undefined;
}

/** The names of the tables, chains or sets that nft lists. */
async function listed(kind: "table" | "chain" | "rule"): Promise<readonly string[]> {
  const parsed: unknown = JSON.parse(await sh("nft -j list ruleset"));
  assert.ok(typeof parsed === "object" && parsed !== null && "nftables" in parsed && Array.isArray(parsed.nftables));
  return parsed.nftables
    .map((entry: Record<string, unknown>) => entry[kind])
    .filter((item): item is Record<string, unknown> => typeof item === "object" && item !== null)
    .map(({ family, table, chain, name }) => [family, table ?? chain, chain ?? name].map(String).join(" "));
}

before(async () => {
  await sh(`
    ip netns add lan
    ip link add lan0 type veth peer name eth0 netns lan
    ip address add ${HOST}/24 dev lan0 && ip link set lan0 up
    ip -n lan address add 192.168.7.2/24 dev eth0 && ip -n lan link set eth0 up && ip -n lan link set lo up
  `);
  daemon = await TestDaemon.start();
  const tar = join(daemon.directory, "busybox.tar");
  makeBusyboxTar(tar);
  await restartWith("nftables");
  await ok("import", tar, "busybox");
  await ok("network create backend");
  await serve("web", "--net", "backend", "-p", "8080:80");
  await serve("stranger", "--net", "bridge");
});
after(async () => daemon[Symbol.asyncDispose]());

/** Who answers whom while `web` is published. */
async function assertTraffic(): Promise<void> {
  assert.equal(await get(`${HOST}:8080`, LAN), "web", "from another machine");
  assert.equal(await get(`${HOST}:8080`), "web", "from the host");
  assert.equal(await get("127.0.0.1:8080"), "web", "from the host's loopback");
  assert.equal(await from("stranger", `${HOST}:8080`), "web", "from another network");
  assert.equal(await from("web", `${HOST}:8080`), "web", "from itself");
  const [address = ""] = (await ok("exec web hostname -i")).split(" ");
  assert.equal(await from("stranger", address), undefined, "another network, directly");
}

test("a published port answers as it does with iptables", assertTraffic);

test("containers of a network find each other by name", async () => {
  await serve("api", "--net", "backend");
  assert.equal(await from("api", "web"), "web");
  await ok("rm -f api");
});

test("the rules are in tables of our own, and iptables has none of any network", async () => {
  const chains = await listed("chain");
  assert.ok(chains.includes("ip causeway user") && chains.includes("ip6 causeway user"), chains.join());
  assert.doesNotMatch(await sh("iptables-save; ip6tables-save"), /docker0|br-|172\.1[78]\.|8080/);
});

test("a rule of the user's, in the chain that is the user's, survives changes and restarts", async () => {
  await sh("nft add rule ip causeway user ip saddr 192.168.7.2 tcp dport 80 drop");
  assert.equal(await get(`${HOST}:8080`, LAN), undefined);
  await ok("network create later");
  await ok("network rm later");
  assert.equal(await daemon.stop(), 0);
  await daemon.start();
  await ok("start web stranger");
  assert.equal(await get(`${HOST}:8080`, LAN), undefined);
  assert.equal(await get(`${HOST}:8080`), "web");
});

test("changing to iptables leaves nothing of ours in nftables but the user's rules, and back nothing in iptables", async () => {
  await restartWith("iptables");
  await ok("start web stranger");
  assert.deepEqual(
    (await listed("rule")).filter((rule) => rule.includes("causeway")),
    ["ip causeway user"],
  );
  await sh("nft flush chain ip causeway user");
  await assertTraffic();
  await restartWith("nftables");
  await ok("start web stranger");
  assert.doesNotMatch(await sh("iptables-save"), /docker0|br-|172\.1[78]\.|8080|FORWARD DROP/);
  await assertTraffic();
});
