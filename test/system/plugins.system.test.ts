/** Networks of a third party's plugin under the real docker CLI: its life, its death, and what it does not do in time. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { hangs } from "../../src/drivers/remote/testing/scripted-plugin.ts";
import { makeBusyboxTar } from "../../tools/demo/busybox-tar.ts";
import { TestDaemon } from "../support/daemon.ts";
import { run } from "../support/run.ts";
import { startVethPlugin } from "../support/veth-plugin.ts";

async function sh(command: string): Promise<string> {
  const { status, stdout, stderr } = await run(["sh", "-ec", command]);
  assert.equal(status, 0, `${command}: ${stderr}`);
  return stdout.trim();
}

async function docker(daemon: TestDaemon, line: string): Promise<string> {
  const { status, stdout, stderr } = await daemon.docker(line.split(" "));
  assert.equal(status, 0, `docker ${line}: ${stdout}${stderr}\n${daemon.log}`);
  return stdout.trim();
}

async function refused(daemon: TestDaemon, line: string): Promise<string> {
  const { status, stderr } = await daemon.docker(line.split(" "));
  assert.notEqual(status, 0, `docker ${line} was not refused`);
  return stderr.split("\n")[0] ?? "";
}

async function startDaemon(...flags: string[]): Promise<TestDaemon> {
  const daemon = await TestDaemon.start(...flags);
  const tar = join(daemon.directory, "busybox.tar");
  makeBusyboxTar(tar);
  await docker(daemon, `import ${tar} busybox`);
  return daemon;
}

/** Links of the plugin's that are on the host. */
async function pluginLinks(): Promise<readonly string[]> {
  const links = await sh("ip -o link show");
  return [...links.matchAll(/ (p[bhc][0-9a-f]{8})[@:]/g)].map(([, name = ""]) => name);
}

test("containers on a plugin's network reach each other and the plugin's gateway, and all of it goes again", async () => {
  await using daemon = await startDaemon();
  await using plugin = await startVethPlugin("plug", { givesGateway: true });
  await docker(daemon, "network create -d plug --ipam-driver plug --ipam-opt ik=iv -o k=v gnet");
  const { stdout } = await daemon.docker(["network", "inspect", "-f", "{{json .}}", "gnet"]);
  const seen: Record<string, unknown> = JSON.parse(stdout);
  assert.equal(seen["Driver"], "plug");
  assert.deepEqual(seen["Options"], { k: "v" });
  const Config = [{ Subnet: "10.50.0.0/24", Gateway: "10.50.0.1" }];
  assert.deepEqual(seen["IPAM"], { Driver: "plug", Options: { ik: "iv" }, Config });

  await docker(daemon, "run -d --name c1 --network gnet busybox sleep 1000");
  await docker(daemon, "run -d --name c2 --network gnet --ip 10.50.0.77 busybox sleep 1000");
  assert.match(await docker(daemon, "exec c2 ip addr show eth0"), /inet 10\.50\.0\.77\/24/);
  assert.match(await docker(daemon, "exec c1 ip route"), /^default via 10\.50\.0\.1 dev eth0/m);
  assert.match(await docker(daemon, "exec c1 ping -c1 -W2 c2"), / 0% packet loss/);
  assert.match(await docker(daemon, "exec c1 ping -c1 -W2 10.50.0.1"), / 0% packet loss/);
  assert.equal((await pluginLinks()).length, 3);
  assert.match(await refused(daemon, "network rm gnet"), /network gnet has active endpoints/);

  await docker(daemon, "network disconnect gnet c1");
  assert.doesNotMatch(await docker(daemon, "exec c1 ip link"), /eth0/);
  await docker(daemon, "network connect gnet c1");
  assert.match(await docker(daemon, "exec c1 ping -c1 -W2 c2"), / 0% packet loss/);
  await docker(daemon, "rm -f c1 c2");
  await docker(daemon, "network rm gnet");
  assert.deepEqual(await pluginLinks(), []);
  assert.ok(plugin.calls.length > 20);
});

test("a plugin that gives no way out leaves it to docker_gwbridge, published ports too", async () => {
  await using daemon = await startDaemon();
  await using _plugin = await startVethPlugin("plain", { givesGateway: false });
  await docker(daemon, "network create -d plain --ipam-driver plain net");
  await docker(daemon, "run -d --name web -p 127.0.0.1:8080:80 --network net busybox httpd -f -h /etc");
  assert.match(await docker(daemon, "exec web ip addr show eth0"), /inet 10\.50\.0\.2\/24/);
  assert.match(await docker(daemon, "exec web ip route"), /^default via 172\.\d+\.0\.1 dev eth1/m);
  assert.match(await sh("busybox wget -qO- http://127.0.0.1:8080/hostname"), /^[0-9a-f]{12}$/);
  await docker(daemon, "rm -f web");
  await docker(daemon, "network rm net");
  assert.deepEqual(await pluginLinks(), []);
});

test("a plugin that died takes no traffic with it, keeps nobody, and is found again", async () => {
  await using daemon = await startDaemon("--live-restore");
  await using plugin = await startVethPlugin("mortal", { givesGateway: true });
  await docker(daemon, "network create -d mortal --ipam-driver mortal net");
  for (const name of ["c1", "c2"]) await docker(daemon, `run -d --name ${name} --network net busybox sleep 1000`);
  await plugin.stop();
  assert.match(await docker(daemon, "exec c1 ping -c1 -W2 c2"), / 0% packet loss/);
  await daemon.stop();
  await daemon.start();
  assert.match(await docker(daemon, "exec c1 ping -c1 -W2 c2"), / 0% packet loss/);
  await docker(daemon, "rm -f c1");
  const outer = (await pluginLinks()).filter((name) => name.startsWith("ph"));
  assert.equal(outer.length, 2, "the plugin deletes its own links, and it was away");
  const message = await refused(daemon, "run --name c3 --network net busybox true");
  assert.match(message, /plugin "mortal" not found/);
  await docker(daemon, "rm c3");

  await plugin.listen();
  await docker(daemon, "run --name c3 --network net busybox ping -c1 -W2 c2");
  await docker(daemon, "rm -f c2 c3");
  await docker(daemon, "network rm net");
  for (const name of (await pluginLinks()).filter((link) => link.startsWith("ph"))) await sh(`ip link del ${name}`);
});

test("a container ends while its plugin is away, however long that is waited for", async () => {
  await using daemon = await startDaemon();
  await using plugin = await startVethPlugin("absent", { givesGateway: true });
  await docker(daemon, "network create -d absent --ipam-driver absent net");
  await docker(daemon, "run -d --name c1 --network net busybox sleep 1000");
  await plugin.stop();
  await docker(daemon, "stop -t0 c1");
  assert.match(await docker(daemon, "ps -a --format {{.Status}}"), /^Exited \(137\)/);
  assert.match(await refused(daemon, "start c1"), /plugin .*absent/);
  assert.match(await docker(daemon, "ps -a --format {{.Status}}"), /^Exited \(128\)/);
  await docker(daemon, "rm c1");
  await docker(daemon, "network rm net");
  for (const name of (await pluginLinks()).filter((link) => /^p[bh]/.test(link))) await sh(`ip link del ${name}`);
});

test("a plugin that hangs is an error within its time, and one that appears late is waited for", async () => {
  await using daemon = await startDaemon("--plugin-timeout", "1");
  await using plugin = await startVethPlugin("slow", { givesGateway: true });
  await plugin.stop();
  const creation = docker(daemon, "network create -d slow --ipam-driver slow net");
  while (!daemon.log.includes("Unable to locate plugin: slow")) await sh("true");
  await plugin.listen();
  await creation;
  plugin.scripts["NetworkDriver.Join"] = hangs;
  const message = await refused(daemon, "run --name c1 --network net busybox true");
  assert.match(message, /plugin slow: NetworkDriver\.Join: no answer within 1 s/);
  assert.deepEqual(
    (await pluginLinks()).filter((name) => !name.startsWith("pb")),
    [],
  );
  await docker(daemon, "rm c1");
  await docker(daemon, "network rm net");
  assert.match(await refused(daemon, "network create -d ../slow net"), /plugin "\.\.\/slow" not found/);
});
