/**
 * Published ports through the real docker CLI, judged from where users stand: another machine of the LAN (a namespace with a
 * veth into the daemon's), the host itself, and other containers. They share one daemon; the last tests count what is left.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeBusyboxTar } from "../../tools/demo/busybox-tar.ts";
import { TestDaemon } from "../support/daemon.ts";
import { run } from "../support/run.ts";
import type { Ran } from "../support/run.ts";
import { isDeepStrictEqual } from "node:util";
import { takeTraces } from "../support/traces.ts";
import type { Traces } from "../support/traces.ts";
import { until } from "../support/wait.ts";

const HOST = "192.168.7.1";
const LAN = "ip netns exec lan";

let daemon: TestDaemon;
let fresh: Traces;

before(async () => {
  await sh(`
    ip netns add lan
    ip link add lan0 type veth peer name eth0 netns lan
    ip address add ${HOST}/24 dev lan0 && ip -6 address add fd07::1/64 dev lan0 nodad && ip link set lan0 up
    ip -n lan address add 192.168.7.2/24 dev eth0 && ip -n lan -6 address add fd07::2/64 dev eth0 nodad
    ip -n lan link set eth0 up && ip -n lan link set lo up
  `);
  daemon = await TestDaemon.start();
  const tar = join(daemon.directory, "busybox.tar");
  makeBusyboxTar(tar);
  await ok(`import ${tar} busybox`);
  await ok("network create backend");
  fresh = await takeTraces(daemon.pid);
});
after(async () => daemon[Symbol.asyncDispose]());

async function sh(script: string): Promise<string> {
  const { status, stdout, stderr } = await run(["sh", "-ec", script]);
  assert.equal(status, 0, `${script}: ${stderr}`);
  return stdout;
}

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

/** A container whose port 80 answers with its name. */
async function serve(name: string, flags: string): Promise<void> {
  const program = `mkdir -p /www; echo ${name} >/www/index.html; exec httpd -f -p 80 -h /www`;
  const { status, stderr } = await daemon.docker([
    "run",
    "-d",
    "--name",
    name,
    ...flags.split(" "),
    "busybox",
    "sh",
    "-c",
    program,
  ]);
  assert.equal(status, 0, `docker run ${flags}: ${stderr}\n${daemon.log}`);
  await until(
    `${name} serves`,
    async () => (await docker(`exec ${name} timeout 1 wget -q -O - http://127.0.0.1/`)).status === 0,
  );
}

/** What a client gets there; undefined when nobody answers in time. */
async function get(url: string, where = ""): Promise<string | undefined> {
  const { status, stdout } = await run(["sh", "-c", `${where} curl -sg -m 2 '${url}'`]);
  return status === 0 ? stdout.trim() : undefined;
}

const UDP_ECHO = `
import socket
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(("0.0.0.0",53)); print("up",flush=True)
while True:
    data,peer=s.recvfrom(2000); s.sendto(b"echo "+data,peer)
`;
const ask = (address: string, port: number, family = "AF_INET"): string =>
  `python3 -c 'import socket; s=socket.socket(socket.${family},socket.SOCK_DGRAM); s.settimeout(2); s.connect(("${address}",${port})); s.send(b"hello"); print(s.recv(99).decode())'`;

test("a published TCP port is reached from everywhere", async () => {
  await serve("web", "-p 8080:80");
  await serve("neighbour", "--net bridge");
  await serve("stranger", "--net backend");
  const views: Record<string, string | undefined> = {
    "another machine": await get(`http://${HOST}:8080/`, LAN),
    "another machine, IPv6": await get("http://[fd07::1]:8080/", LAN),
    "the host at its own address": await get(`http://${HOST}:8080/`),
    "the host at 127.0.0.1": await get("http://127.0.0.1:8080/"),
    "the host at ::1": await get("http://[::1]:8080/"),
  };
  for (const [where, text] of Object.entries(views)) assert.equal(text, "web", where);
  for (const name of ["neighbour", "stranger", "web"]) {
    assert.equal(await ok(`exec ${name} timeout 2 wget -q -O - http://${HOST}:8080/`), "web", `from ${name}`);
  }
});

test("docker port, ps and inspect show it at both families", async () => {
  assert.equal(await ok("port web"), "80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080");
  assert.equal(await ok("port web 80"), "0.0.0.0:8080\n[::]:8080");
  assert.equal(await ok("ps --filter name=web --format {{.Ports}}"), "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp");
  const ports: unknown = JSON.parse(
    (await daemon.docker(["inspect", "-f", "{{json .NetworkSettings.Ports}}", "web"])).stdout,
  );
  const binding = (HostIp: string) => ({ HostIp, HostPort: "8080" });
  assert.deepEqual(ports, { "80/tcp": [binding("0.0.0.0"), binding("::")] });
  assert.equal(await ok("ps --filter publish=8080 --format {{.Names}}"), "web");
  assert.equal(await ok("ps --filter publish=8081 --format {{.Names}}"), "");
});

test("the rules are those that people look for", async () => {
  const address = await ok("inspect -f {{.NetworkSettings.IPAddress}} web");
  const nat = await sh("iptables-save -t nat");
  const filter = await sh("iptables-save -t filter");
  const lines = [
    `-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination ${address}:80`,
    `-A POSTROUTING -s ${address}/32 -d ${address}/32 -p tcp -m tcp --dport 80 -j MASQUERADE`,
    `-A DOCKER -d ${address}/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT`,
  ];
  for (const line of lines) assert.ok(`${nat}\n${filter}`.split("\n").includes(line), `${line}\nin\n${nat}${filter}`);
});

test("a real socket holds the port, and a program of the host cannot have it", async () => {
  assert.match(await sh("ss -Hltn sport = :8080"), /0\.0\.0\.0:8080[\s\S]*\[::\]:8080/);
  const bind = `import socket; s=socket.socket(); s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1); s.bind(("0.0.0.0",8080)); s.listen()`;
  assert.match((await run(["python3", "-c", bind])).stderr, /Address already in use/);
});

test("a port that is published already is refused, and nothing is left of the attempt", async () => {
  const before = await takeTraces(daemon.pid);
  const text = await fails("run -d --name second -p 8080:80 busybox sleep 1000");
  assert.match(
    text,
    /failed to set up container networking: driver failed programming external connectivity on endpoint second \([0-9a-f]{64}\): Bind for 0\.0\.0\.0:8080 failed: port is already allocated/,
  );
  // The client's connection may take a moment to go.
  await until("nothing is left", async () => isDeepStrictEqual(await takeTraces(daemon.pid), before));
  assert.equal(await ok("ps -a --filter name=second --format {{.State}}"), "created");
  await ok("rm second");
});

test("a port that a program of the host has is refused with the kernel's words", async () => {
  const listener = `import socket,time; s=socket.socket(); s.bind(("0.0.0.0",8181)); s.listen(); time.sleep(20)`;
  await sh(`python3 -c '${listener}' >/dev/null 2>&1 & echo $! >/run/listener`);
  await until("the program listens", async () => (await sh("ss -Hltn sport = :8181")) !== "");
  const text = await fails("run -d --name second -p 8181:80 busybox sleep 1000");
  assert.match(text, /failed to bind host port for 0\.0\.0\.0:8181:172\.17\.0\.\d+:80\/tcp: address already in use/);
  await ok("rm second");
  await sh("kill $(cat /run/listener)");
});

test("removal frees the port", async () => {
  await ok("rm -f web");
  assert.equal(await sh("ss -Hltn sport = :8080"), "");
  assert.equal(await get(`http://${HOST}:8080/`), undefined);
  await serve("web", "-p 8080:80");
  assert.equal(await get(`http://${HOST}:8080/`, LAN), "web");
  await ok("rm -f web");
});

test("a port on 127.0.0.1 is the host's alone", async () => {
  await serve("private", "-p 127.0.0.1:8080:80");
  assert.equal(await get("http://127.0.0.1:8080/"), "private");
  assert.equal(await get(`http://${HOST}:8080/`), undefined);
  assert.equal(await get(`http://${HOST}:8080/`, LAN), undefined);
  await sh(`ip -n lan route add 127.0.0.5 via ${HOST} 2>/dev/null || true`);
  await sh("ip netns exec lan sysctl -qw net.ipv4.conf.all.route_localnet=1; ip -n lan address del 127.0.0.1/8 dev lo");
  await sh(`ip -n lan route add 127.0.0.1 via ${HOST} dev eth0`);
  assert.equal(await get("http://127.0.0.1:8080/", LAN), undefined);
  await sh("ip -n lan route del 127.0.0.1; ip -n lan address add 127.0.0.1/8 dev lo");
  assert.equal(await ok("port private"), "80/tcp -> 127.0.0.1:8080");
  await ok("rm -f private");
});

test("UDP is published, and flows to a container that is gone are forgotten", async () => {
  await ok("run -d --name dns -p 5300:53/udp busybox sleep 1000");
  const key = await ok("inspect -f {{.NetworkSettings.SandboxKey}} dns");
  await sh(`nsenter --net=${key} python3 -c '${UDP_ECHO}' >/run/udp-echo 2>&1 & echo $! >/run/udp-pid`);
  await until("the echo is up", async () => (await sh("cat /run/udp-echo")).includes("up"));
  assert.equal(await sh(`${LAN} ${ask(HOST, 5300)}`), "echo hello\n");
  assert.equal(await sh(ask("127.0.0.1", 5300)), "echo hello\n");
  assert.equal(await sh(ask("::1", 5300, "AF_INET6")), "echo hello\n");
  const led = /dport=5300 src=172\.17\./;
  assert.match(await sh("conntrack -L -p udp 2>/dev/null"), led);
  await sh("kill $(cat /run/udp-pid)");
  await ok("rm -f dns");
  assert.doesNotMatch(await sh("conntrack -L -p udp 2>/dev/null"), led);
});

test("ranges, free choice and several bindings of one port", async () => {
  await serve("many", "-p 9000-9002:80 -p 7000-7003:70-73 -p 80 -p 127.0.0.1::80");
  const lines = (await ok("port many")).split("\n");
  const [first, last] = (await sh("cat /proc/sys/net/ipv4/ip_local_port_range")).trim().split(/\s+/).map(Number);
  assert.deepEqual(
    lines.filter((line) => line.startsWith("7")),
    [0, 1, 2, 3].flatMap((n) => [`7${n}/tcp -> 0.0.0.0:700${n}`, `7${n}/tcp -> [::]:700${n}`]),
  );
  const web = lines.filter((line) => line.startsWith("80/")).map((line) => Number(line.split(":").at(-1)));
  const chosen = web.filter((port) => port !== 9000);
  assert.equal(web.length, 5);
  assert.ok(
    chosen.every((port) => first !== undefined && last !== undefined && port >= first && port <= last),
    lines.join(),
  );
  for (const port of new Set(web)) assert.equal(await get(`http://127.0.0.1:${port}/`), "many", String(port));
  await ok("rm -f many");
});

test("-P publishes what is exposed", async () => {
  await serve("exposed", "-P --expose 80 --expose 90-91/udp -p 8090:90/udp");
  const lines = (await ok("port exposed")).split("\n");
  assert.deepEqual([...new Set(lines.map((line) => line.split(" ")[0]))], ["80/tcp", "90/udp", "91/udp"]);
  assert.ok(lines.includes("90/udp -> 0.0.0.0:8090"));
  const port = lines[0]?.split(":").at(-1);
  assert.equal(await get(`http://${HOST}:${port}/`, LAN), "exposed");
  await ok("rm -f exposed");
});

test("a restart of the container keeps a fixed port, and an internal network publishes none", async () => {
  await serve("web", "-p 8080:80");
  await ok("restart -t 0 web");
  await until("web serves again", async () => (await get(`http://${HOST}:8080/`, LAN)) === "web");
  await ok("rm -f web");
  await ok("network create --internal inside");
  await serve("web", "--net inside -p 8080:80");
  assert.equal(await ok("port web"), "");
  assert.equal(await sh("ss -Hltn sport = :8080"), "");
  await ok("rm -f web");
  await ok("network rm inside");
});

test("ports move to the network that provides the gateway, and keep their number", async () => {
  await ok("network create alpha");
  await ok("network create beta");
  await serve("web", "--net beta -p 80");
  const shown = await ok("port web");
  const port = shown.split("\n")[0]?.split(":").at(-1);
  const target = async (): Promise<string> =>
    (await sh("iptables-save -t nat")).split("\n").find((line) => line.includes(`--dport ${port} -j DNAT`)) ?? "";
  const address = async (network: string): Promise<string> =>
    ok(`inspect -f {{.NetworkSettings.Networks.${network}.IPAddress}} web`);
  assert.ok((await target()).endsWith(`${await address("beta")}:80`));
  await ok("network connect alpha web");
  assert.ok((await target()).endsWith(`${await address("alpha")}:80`), await target());
  assert.equal(await get(`http://${HOST}:${port}/`, LAN), "web");
  assert.equal(await ok("port web"), shown);
  await ok("network disconnect alpha web");
  assert.ok((await target()).endsWith(`${await address("beta")}:80`));
  assert.equal(await get(`http://${HOST}:${port}/`, LAN), "web");
  await ok("network disconnect beta web");
  assert.equal(await ok("port web"), "");
  assert.equal(await target(), "");
  await ok("network connect beta web");
  const again = (await ok("port web")).split("\n")[0]?.split(":").at(-1);
  assert.equal(await get(`http://${HOST}:${again}/`, LAN), "web");
  await ok("rm -f web");
  await ok("network rm alpha beta");
});

test("host mode discards ports with docker's warning", async () => {
  const { status, stderr } = await docker("run --rm --net host -p 8080:80 busybox true");
  assert.equal(status, 0, stderr);
  assert.match(stderr, /WARNING: Published ports are discarded when using host network mode/);
});

test("five hundred ports on one container are reached, first and last", async () => {
  await serve("wide", "-p 20000-20499:20000-20499 -p 8080:80");
  const key = await ok("inspect -f {{.NetworkSettings.SandboxKey}} wide");
  for (const port of [20000, 20499]) {
    await sh(`nsenter --net=${key} busybox httpd -f -p ${port} -h /etc >/dev/null 2>&1 & echo $! >>/run/httpd`);
    await until(`port ${port} serves`, async () => (await get(`http://127.0.0.1:${port}/hostname`)) !== undefined);
  }
  assert.equal((await ok("port wide")).split("\n").length, 1002);
  for (const port of [20000, 20499]) {
    assert.match((await get(`http://${HOST}:${port}/hostname`, LAN)) ?? "", /\S/, String(port));
    assert.match((await get(`http://[::1]:${port}/hostname`)) ?? "", /\S/, String(port));
  }
  await sh("kill $(cat /run/httpd)");
  await ok("rm -f wide");
});

test("nothing is left: no rule, socket, flow or descriptor", async () => {
  await ok("rm -f neighbour stranger");
  const left = await until("traces as at the start", async () => {
    const now = await takeTraces(daemon.pid);
    return now.descriptors <= fresh.descriptors + 8 ? now : undefined;
  });
  assert.deepEqual({ ...left, descriptors: 0 }, { ...fresh, descriptors: 0 });
  assert.equal(await sh("ss -Hltun | grep -v 127.0.0.11 || true"), "");
});
