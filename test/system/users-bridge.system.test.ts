/** A bridge of the user's own, br0 with 18.18.0.1/16, under the real docker CLI: used as it is, and left as it was. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { makeBusyboxTar } from "../../tools/demo/busybox-tar.ts";
import { TestDaemon } from "../support/daemon.ts";
import { run } from "../support/run.ts";

async function sh(command: string): Promise<string> {
  const { status, stdout, stderr } = await run(["sh", "-ec", command]);
  assert.equal(status, 0, `${command}: ${stderr}`);
  return stdout.trim();
}

/** Name, MAC, alias and IPv4 addresses. */
async function br0(): Promise<string> {
  const link = await sh("ip -o link show br0");
  const addresses = await sh("ip -o -4 address show br0");
  return [/br0/, /link\/ether (\S+)/, /alias (\S+)/].map((part) => part.exec(link)?.[0]).join(" ") + addresses;
}

async function docker(daemon: TestDaemon, line: string): Promise<string> {
  const { status, stdout, stderr } = await daemon.docker(line.split(" "));
  assert.equal(status, 0, `docker ${line}: ${stderr}\n${daemon.log}`);
  return stdout.trim();
}

async function importBusybox(daemon: TestDaemon): Promise<void> {
  const tar = join(daemon.directory, "busybox.tar");
  makeBusyboxTar(tar);
  await docker(daemon, `import ${tar} busybox`);
}

beforeEach(async () => {
  await sh(
    "ip link add br0 address 02:18:18:00:00:01 type bridge; ip link set br0 alias lan up; ip addr add 18.18.0.1/16 dev br0",
  );
});
afterEach(async () => {
  // A daemon that ends leaves its rules, and the next one here knows nothing of it.
  await sh("ip link del br0; for t in raw filter nat; do iptables -t $t -F; done");
});

test("--bridge br0: containers get addresses of its subnet and route through it, and it outlives the daemon", async () => {
  const before = await br0();
  {
    await using daemon = await TestDaemon.start("--bridge", "br0");
    await importBusybox(daemon);
    await docker(daemon, "run -d --name c1 busybox sleep 1000");
    assert.match(await docker(daemon, "exec c1 ip addr show eth0"), /inet 18\.18\.0\.2\/16/);
    assert.match(await docker(daemon, "exec c1 ip route"), /default via 18\.18\.0\.1/);
    assert.match(await docker(daemon, "exec c1 ping -c1 -W2 18.18.0.1"), / 0% packet loss/);
    assert.match(await sh("iptables-save -t nat"), /-A POSTROUTING -s 18\.18\.0\.0\/16 ! -o br0 -j MASQUERADE/);
    assert.match(await sh("ip -o link show master br0"), /veth/);
    await docker(daemon, "rm -f c1");
    assert.equal(await br0(), before);
  }
  assert.equal(await br0(), before);
});

test("com.docker.network.bridge.name=br0: subnet and gateway are taken over, and network rm leaves it", async () => {
  const before = await br0();
  await using daemon = await TestDaemon.start();
  await importBusybox(daemon);
  await docker(daemon, "network create -o com.docker.network.bridge.name=br0 lan");
  const { stdout: config } = await daemon.docker(["network", "inspect", "-f", "{{json .IPAM.Config}}", "lan"]);
  assert.deepEqual(JSON.parse(config), [{ Subnet: "18.18.0.0/16", Gateway: "18.18.0.1" }]);
  await docker(daemon, "run -d --name c1 --net lan busybox sleep 1000");
  assert.match(await docker(daemon, "exec c1 ip addr show eth0"), /inet 18\.18\.0\.2\/16/);
  assert.match(await docker(daemon, "exec c1 ping -c1 -W2 18.18.0.1"), / 0% packet loss/);
  await docker(daemon, "rm -f c1");
  assert.equal(await sh("cat /proc/sys/net/ipv4/conf/br0/route_localnet"), "1");
  await docker(daemon, "network rm lan");
  assert.equal(await sh("cat /proc/sys/net/ipv4/conf/br0/route_localnet"), "0");
  assert.equal(await br0(), before);
  assert.doesNotMatch(await sh("iptables-save"), / br0 /);
});

test("a bridge that the user names and we make has a MAC of its own, and goes with its network", async () => {
  await using daemon = await TestDaemon.start();
  await docker(daemon, "network create -o com.docker.network.bridge.name=br-named named");
  const mac = await sh("cat /sys/class/net/br-named/address");
  assert.match(mac, /^02:42:/);
  assert.equal(await sh("cat /sys/class/net/br-named/addr_assign_type"), "3");
  await docker(daemon, "network rm named");
  assert.doesNotMatch(await sh("ip -br link"), /br-named/);
});
