/** Names, the three files in /etc, and `docker commit`, through the real docker CLI; dig and tar judge. One daemon for all. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TestDaemon } from "../support/daemon.ts";
import { DockerLines, sh } from "../support/docker-lines.ts";
import { until } from "../support/wait.ts";

let directory: string;
let daemon: TestDaemon;
let docker: DockerLines;

const resolvConf = (): string => join(directory, "resolv.conf");

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "causeway-names-"));
  writeFileSync(resolvConf(), "nameserver 127.0.0.1\nsearch old.example\n");
  await sh(`mount --bind ${resolvConf()} /etc/resolv.conf`);
  daemon = await TestDaemon.start("--live-restore", "--host-gateway-ip", "192.0.2.200");
  docker = new DockerLines(daemon);
  await docker.importBusybox();
  await docker.ok("network create backend");
});
after(async () => {
  await docker.ok("rm -f named");
  await daemon[Symbol.asyncDispose]();
  await sh("umount /etc/resolv.conf");
  rmSync(directory, { recursive: true });
});

/** Answers every question with 192.0.2.7, for a minute. */
const DNS_SERVER = `
import socket
s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(("0.0.0.0",53))
while True:
    q,peer=s.recvfrom(2000); end=q.index(0,12)+5
    s.sendto(q[:2]+b"\\x81\\x80"+q[4:6]+b"\\0\\1\\0\\0\\0\\0"+q[12:end]+b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0<\\0\\4\\xc0\\0\\2\\7",peer)
`;

/** What dig prints for a question to the container's own resolver. */
async function dig(container: string, question: string): Promise<string> {
  return sh(`nsenter --net=${await docker.namespace(container)} dig @127.0.0.11 +tries=1 +time=5 ${question}`);
}

test("-h, --domainname and --add-host stand in hosts and hostname as docker writes them", async () => {
  const flags = "-h web --domainname example.org --add-host api:203.0.113.9 --add-host gw:host-gateway";
  const text = await docker.ok(`run --rm ${flags} busybox sh -c 'cat /etc/hosts /etc/hostname; hostname; hostname -f'`);
  const lines = text.split("\n");
  for (const line of ["203.0.113.9\tapi", "192.0.2.200\tgw"]) assert.ok(lines.includes(line), text);
  assert.match(text, /^172\.17\.0\.\d+\tweb\.example\.org web$/m);
  assert.deepEqual(lines.slice(-3), ["web", "web", "web.example.org"]);
});

test("where the host has only servers that nobody else reaches, the default bridge has 8.8.8.8 and 8.8.4.4", async () => {
  const text = await docker.ok("run --rm busybox cat /etc/resolv.conf");
  assert.deepEqual(text.match(/^nameserver .*$/gm), ["nameserver 8.8.8.8", "nameserver 8.8.4.4"]);
  assert.match(text, /^search old\.example$/m);
  assert.match(text, /^# Used default nameservers\.$/m);
});

test("the host's resolv.conf changes: running containers follow, but for one that edited its file", async () => {
  for (const [name, flags] of [
    ["plain", ""],
    ["edited", ""],
    ["named", "--net backend"],
    ["own", "--dns 198.51.100.1"],
  ]) {
    await docker.ok(`run -itd --name ${name} ${flags} busybox`);
  }
  await docker.ok("exec edited sh -c 'echo nameserver 203.0.113.1 >/etc/resolv.conf'");
  writeFileSync(resolvConf(), "nameserver 127.0.0.1\nnameserver 192.0.2.53\nsearch new.example\n");
  const servers = async (name: string): Promise<string> =>
    (await docker.ok(`exec ${name} cat /etc/resolv.conf`)).match(/(?<=^nameserver ).*$/gm)?.join() ?? "";
  await until("the default bridge's file follows", async () => (await servers("plain")) === "192.0.2.53");
  const named = await docker.ok("exec named cat /etc/resolv.conf");
  assert.match(
    named,
    /^nameserver 127\.0\.0\.11$[\s\S]*^# ExtServers: \[host\(127\.0\.0\.1\) host\(192\.0\.2\.53\)\]$/m,
  );
  assert.deepEqual([await servers("edited"), await servers("own")], ["203.0.113.1", "198.51.100.1"]);
  await docker.ok("restart -t 0 edited");
  assert.equal(await servers("edited"), "192.0.2.53");
});

test("a known name has no AAAA, MX or SRV: NOERROR and nothing, asked of nobody else", async () => {
  for (const question of ["AAAA named", "MX named", "SRV _http._tcp.named", "AAAA NAMED.backend"]) {
    const text = await dig("named", question);
    assert.match(text, /status: NOERROR.*ANSWER: 0/s, question);
  }
  assert.match(await dig("named", "-x 172.18.0.2"), /PTR\s+named\.backend\.$/m);
});

test("aliases are known to all, link aliases to one; an unknown name goes to the servers of --dns", async () => {
  await docker.ok("run -itd --name ns --net backend --ip 172.18.9.9 --network-alias server busybox");
  const server = spawn("nsenter", [`--net=${await docker.namespace("ns")}`, "python3", "-c", DNS_SERVER]);
  await docker.ok("run -itd --name asker --net backend --dns 172.18.9.9 --link ns:mine busybox");
  for (const name of ["ns", "server", "mine"]) {
    assert.match(await docker.ok(`exec asker ping -c1 ${name}`), /PING \w+ \(172\.18\.9\.9\)/);
  }
  assert.equal(await docker.does("exec named ping -c1 server"), true);
  assert.match(await docker.fails("exec named ping -c1 mine"), /bad address/);
  await until("the server answers", async () => /192\.0\.2\.7/.test(await dig("asker", "+nocookie outer.example")));
  server.kill();
  const again = await dig("asker", "+nocookie outer.example");
  assert.match(again, /^outer\.example\.\s+\d+\s+IN\s+A\s+192\.0\.2\.7$/m, "kept, though the server is gone");
});

test("docker commit keeps files and settings, and nothing of the three files in /etc", async () => {
  const script = "echo kept >/root/file; echo 192.0.2.1 gone >>/etc/hosts; echo nameserver 192.0.2.2 >/etc/resolv.conf";
  await docker.ok("run -itd --name work -e GIVEN=yes --add-host gone:192.0.2.3 busybox");
  await docker.ok(`exec work sh -c '${script}'`);
  const id = await docker.ok(`commit -m because -a somebody --change 'LABEL l=v' --change 'ENV MORE=1' work made:new`);
  assert.match(id, /^sha256:[0-9a-f]{64}$/);
  assert.equal(await docker.ok("inspect -f {{.State.Status}} work"), "running");
  const shown = await docker.ok(
    "image inspect -f '{{.Comment}} {{.Author}} {{json .Config.Env}} {{.Config.Labels.l}} {{len .RootFS.Layers}}' made:new",
  );
  assert.equal(shown, 'because somebody ["GIVEN=yes","MORE=1"] v 2');
  const text = await docker.ok("run --rm made:new sh -c 'cat /root/file /etc/hosts /etc/resolv.conf'");
  assert.match(text, /^kept$/m);
  assert.doesNotMatch(text, /gone|192\.0\.2\.2$/m);
  const [, layer = ""] = (await docker.ok("image inspect -f '{{join .RootFS.Layers \" \"}}' made:new")).split(" ");
  const blob = `${daemon.directory}/data/containerd/io.containerd.content.v1.content/blobs/${layer.replace(":", "/")}`;
  const names = (await sh(`tar tf ${blob}`)).trim().split("\n");
  assert.ok(names.includes("root/file"));
  assert.deepEqual(
    names.filter((name) => /^etc\/(hosts|hostname|resolv\.conf)|^(dev|proc|sys)\//.test(name)),
    [],
  );
});

test("a restart of the daemon keeps every resolver's port: names resolve at once, no rule is touched", async () => {
  const key = await docker.namespace("named");
  await docker.ok("rm -f plain edited own asker ns work");
  const rules = async (): Promise<string> => sh(`nsenter --net=${key} iptables-save -t nat | grep -v '^[#:]'`);
  const before = await rules();
  await daemon.stop();
  await daemon.start();
  assert.match(await dig("named", "+short named"), /^172\.18\.0\.2$/m);
  assert.equal(await docker.ok("ps --format '{{.Names}} {{.State}}'"), "named running");
  assert.equal(await rules(), before);
});
