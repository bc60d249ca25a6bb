/**
 * Options of bridge networks under the real docker CLI, seen from another machine of the LAN that knows the way to the
 * containers: gateway modes, trusted interfaces, default bindings, and rules that users put into Docker's chains.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeBusyboxTar } from "../../tools/demo/busybox-tar.ts";
import { TestDaemon } from "../support/daemon.ts";
import { run } from "../support/run.ts";
import { until } from "../support/wait.ts";

const BRIDGE = "com.docker.network.bridge";

let daemon: TestDaemon;

async function sh(command: string): Promise<string> {
  const { status, stdout, stderr } = await run(["sh", "-ec", command]);
  assert.equal(status, 0, `${command}: ${stderr}`);
  return stdout.trim();
}

async function docker(line: string): Promise<string> {
  const { status, stdout, stderr } = await daemon.docker(line.split(" "));
  assert.equal(status, 0, `docker ${line}: ${stderr}\n${daemon.log}`);
  return stdout.trim();
}

/** What the LAN gets there; "" when nobody answers. */
async function fetched(place: string): Promise<string> {
  const command = `ip netns exec lan timeout 1 busybox wget -q -O - http://${place}/ 2>/dev/null`;
  return (await run(["sh", "-c", command])).stdout.trim();
}

/** Runs a server that answers with its name, on a network of its own with these options, until `body` ends. */
async function withServer(
  { network, flags = "", daemonNetwork = false }: { network: string; flags?: string; daemonNetwork?: boolean },
  body: () => Promise<void>,
): Promise<void> {
  if (!daemonNetwork) await docker(`network create --subnet 10.77.0.0/24 ${network} net`.replace("  ", " "));
  const serve = ["sh", "-c", "echo found >/tmp/index.html; exec httpd -f -p 80 -h /tmp"];
  const place = daemonNetwork ? [] : ["--net", "net", "--ip", "10.77.0.2"];
  const extra = flags.split(" ").filter((flag) => flag !== "");
  const { status, stderr } = await daemon.docker([
    "run",
    "-d",
    "--name",
    "web",
    ...place,
    ...extra,
    "busybox",
    ...serve,
  ]);
  assert.equal(status, 0, stderr);
  try {
    const listens = async (): Promise<boolean> => /:::80/.test(await docker("exec web netstat -ltn"));
    await until("the server listens", listens);
    await body();
  } finally {
    await docker("rm -f web");
    if (!daemonNetwork) await docker("network rm net");
  }
}

async function start(...flags: string[]): Promise<void> {
  daemon = await TestDaemon.start(...flags);
  const tar = join(daemon.directory, "busybox.tar");
  makeBusyboxTar(tar);
  await docker(`import ${tar} busybox`);
}

before(async () => {
  await sh(`ip netns add lan; ip link add lan0 type veth peer name eth0 netns lan
    ip link set lan0 up; ip -n lan link set eth0 up
    ip addr add 192.0.2.1/24 dev lan0; ip -n lan addr add 192.0.2.9/24 dev eth0
    ip -n lan route add 10.77.0.0/24 via 192.0.2.1`);
  await start();
});
after(async () => {
  await daemon[Symbol.asyncDispose]();
  await sh("ip netns del lan");
});

test("by default only the published port is reached, and only at the host's address", async () => {
  await withServer({ network: "", flags: "-p 8080:80" }, async () => {
    assert.equal(await fetched("192.0.2.1:8080"), "found");
    assert.equal(await fetched("10.77.0.2:80"), "");
  });
});

test("routed: the published port is reached at the container's address, and no port of the host is taken", async () => {
  await withServer({ network: `-o ${BRIDGE}.gateway_mode_ipv4=routed`, flags: "-p 8080:80" }, async () => {
    assert.equal(await fetched("10.77.0.2:80"), "found");
    assert.equal(await fetched("192.0.2.1:8080"), "");
    assert.doesNotMatch(await sh("ss -ltnH"), /:8080 /);
    assert.match(await sh("ip netns exec lan ping -c1 -W2 10.77.0.2"), / 0% packet loss/);
    assert.doesNotMatch(await sh("iptables-save -t nat"), /10\.77\.0/);
  });
});

test("nat-unprotected: what was not published is reached by routing, too", async () => {
  await withServer({ network: `-o ${BRIDGE}.gateway_mode_ipv4=nat-unprotected` }, async () => {
    assert.equal(await fetched("10.77.0.2:80"), "found");
  });
});

test("isolated: the host has no address on the bridge and reaches nobody there", async () => {
  await withServer({ network: `--internal -o ${BRIDGE}.gateway_mode_ipv4=isolated` }, async () => {
    const id = (await docker("network inspect -f {{.Id}} net")).slice(0, 12);
    assert.equal(await sh(`ip -4 -o addr show br-${id}`), "");
    assert.equal(await fetched("10.77.0.2:80"), "");
    assert.notEqual((await run(["ping", "-c1", "-W1", "10.77.0.2"])).status, 0);
  });
  const { stderr } = await daemon.docker(["network", "create", "-o", `${BRIDGE}.gateway_mode_ipv4=isolated`, "open"]);
  assert.match(stderr, /gateway mode 'isolated' can only be used for an internal network/);
});

test("trusted_host_interfaces: from there published ports are reached at the container's address", async () => {
  await withServer({ network: `-o ${BRIDGE}.trusted_host_interfaces=lan0:wg9`, flags: "-p 8080:80" }, async () => {
    assert.equal(await fetched("10.77.0.2:80"), "found");
  });
});

test("host_binding_ipv4: a port that names no address is the binding's alone", async () => {
  await withServer({ network: `-o ${BRIDGE}.host_binding_ipv4=127.0.0.1`, flags: "-p 8080:80" }, async () => {
    assert.equal(await docker("port web"), "80/tcp -> 127.0.0.1:8080");
    assert.equal(await fetched("192.0.2.1:8080"), "");
    assert.equal(await sh("timeout 2 busybox wget -q -O - http://127.0.0.1:8080/"), "found");
  });
});

test("a user's rule in DOCKER stands before ports that are published later, and through a restart", async () => {
  await sh(
    "iptables -I DOCKER -i lan0 ! -s 192.168.0.0/16 -j DROP; iptables -I DOCKER-USER -s 198.51.100.0/24 -j DROP",
  );
  await withServer({ network: "", flags: "-p 8080:80" }, async () => {
    assert.equal(await fetched("192.0.2.1:8080"), "");
    assert.equal(await sh("timeout 2 busybox wget -q -O - http://192.0.2.1:8080/"), "found");
  });
  await daemon.stop();
  await daemon.start();
  await withServer({ network: "", flags: "-p 8080:80" }, async () => assert.equal(await fetched("192.0.2.1:8080"), ""));
  await sh(
    "iptables -D DOCKER -i lan0 ! -s 192.168.0.0/16 -j DROP; iptables -D DOCKER-USER -s 198.51.100.0/24 -j DROP",
  );
});

test("--ip: the default bridge's ports listen there", async () => {
  await daemon[Symbol.asyncDispose]();
  await start("--ip", "127.0.0.1");
  assert.match(await docker("network inspect -f {{.Options}} bridge"), /host_binding_ipv4:127\.0\.0\.1/);
  await withServer({ network: "", flags: "-p 8080:80", daemonNetwork: true }, async () => {
    assert.equal(await docker("port web"), "80/tcp -> 127.0.0.1:8080");
    assert.equal(await fetched("192.0.2.1:8080"), "");
    assert.equal(await sh("timeout 2 busybox wget -q -O - http://127.0.0.1:8080/"), "found");
  });
});
