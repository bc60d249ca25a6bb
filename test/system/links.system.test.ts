/** `--link` on the default bridge of a daemon with --icc=false, through the real docker CLI. One daemon for all, in order. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { TestDaemon } from "../support/daemon.ts";
import { DockerLines, sh } from "../support/docker-lines.ts";
import { until } from "../support/wait.ts";

let daemon: TestDaemon;
let docker: DockerLines;

before(async () => {
  daemon = await TestDaemon.start("--icc=false");
  docker = new DockerLines(daemon);
  await docker.importBusybox();
  const serve = "mkdir /www; echo hello >/www/index.html; httpd -p 80 -h /www; exec httpd -f -p 81 -h /www";
  await docker.ok(`run -d --name c1 -h chost -e FOO=bar --expose 80 busybox sh -c '${serve}'`);
  await docker.ok("run -itd --name parent --link c1:db busybox");
  await docker.ok("run -itd --name stranger busybox");
});
after(async () => daemon[Symbol.asyncDispose]());

const get = (url: string): string => `timeout 2 wget -q -O - http://${url}/`;

async function addressOf(name: string): Promise<string> {
  return docker.ok(`inspect -f '{{.NetworkSettings.IPAddress}}' ${name}`);
}

async function linkRules(): Promise<readonly string[]> {
  const saved = await sh("iptables-save -t filter");
  return saved.split("\n").filter((line) => /^-A DOCKER .*--[ds]port 80 /.test(line));
}

test("the parent knows the child by alias, hostname and name, and by docker's variables", async () => {
  const child = await addressOf("c1");
  assert.match(await docker.ok("exec parent cat /etc/hosts"), new RegExp(`^${child}\tdb chost c1$`, "m"));
  const variables = (await docker.ok("exec parent env")).split("\n").filter((line) => line.startsWith("DB_"));
  assert.deepEqual(variables.sort(), [
    "DB_ENV_FOO=bar",
    "DB_NAME=/parent/db",
    `DB_PORT=tcp://${child}:80`,
    `DB_PORT_80_TCP=tcp://${child}:80`,
    `DB_PORT_80_TCP_ADDR=${child}`,
    "DB_PORT_80_TCP_PORT=80",
    "DB_PORT_80_TCP_PROTO=tcp",
  ]);
  assert.equal(await docker.ok("inspect -f '{{json .HostConfig.Links}}' parent"), '["/c1:/parent/db"]');
});

test("the parent reaches the exposed port of its child, no other port, and nobody else reaches anything", async () => {
  await until("the child serves", async () => docker.does(`exec parent ${get("db")}`));
  assert.equal(await docker.ok(`exec parent ${get("chost")}`), "hello");
  assert.equal(await docker.does(`exec parent ${get("db:81")}`), false);
  assert.equal(await docker.does(`exec stranger ${get(await addressOf("c1"))}`), false);
  assert.equal(await docker.does("exec parent ping -c1 -W1 db"), false);
  assert.equal(await docker.does(`exec c1 ping -c1 -W1 ${await addressOf("parent")}`), false);
});

test("the pair of rules reads as docker's", async () => {
  const [parent, child] = [await addressOf("parent"), await addressOf("c1")];
  assert.deepEqual(await linkRules(), [
    `-A DOCKER -s ${parent}/32 -d ${child}/32 -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT`,
    `-A DOCKER -s ${child}/32 -d ${parent}/32 -i docker0 -o docker0 -p tcp -m tcp --sport 80 -j ACCEPT`,
  ]);
});

test("a child that stops is let go of; when it is back at another address the parent follows", async () => {
  const old = await addressOf("c1");
  await docker.ok("stop -t 0 c1");
  assert.doesNotMatch(await docker.ok("exec parent cat /etc/hosts"), /c1/);
  assert.deepEqual(await linkRules(), []);
  assert.match(
    await docker.fails("restart -t 0 parent"),
    /Cannot link to a non running container: \/c1 AS \/parent\/db/,
  );
  await docker.ok("run -itd --name squatter busybox");
  assert.equal(await addressOf("squatter"), old);
  await docker.ok("start c1");
  assert.notEqual(await addressOf("c1"), old);
  await docker.ok("start parent");
  await docker.ok("stop -t 0 c1");
  await docker.ok("rm -f squatter");
  await docker.ok("start c1");
  await until("the parent reaches the child where it is now", async () => docker.does(`exec parent ${get("db")}`));
  assert.match(
    await docker.ok("exec parent cat /etc/hosts"),
    new RegExp(`^${await addressOf("c1")}\tdb chost c1$`, "m"),
  );
  assert.equal((await linkRules()).length, 2);
});

for (const [flags, message] of [
  ["--link nobody:x", "could not get container for nobody: No such container: nobody"],
  ["--link away:x", "Cannot link to a non running container: /away AS /late/x"],
  [
    "--link onhost:x",
    "conflicting options: host type networking can't be used with links. This would result in undefined",
  ],
  ["--link elsewhere:x", "Cannot link to /elsewhere, as it does not belong to the default network"],
  [
    "--net host --link c1:x",
    "conflicting options: host type networking can't be used with links. This would result in",
  ],
] as const) {
  test(`docker run ${flags} is refused`, async () => {
    await docker.does("create --name away busybox");
    await docker.does("run -itd --name onhost --net host busybox");
    await docker.does("network create un");
    await docker.does("run -itd --name elsewhere --net un busybox");
    const said = await docker.fails(`run --name late ${flags} busybox true`);
    assert.ok(said.includes(message), said);
    await docker.does("rm late");
  });
}

test("after all is removed no rule of a link is left", async () => {
  await docker.ok("rm -f c1 parent stranger away onhost elsewhere");
  assert.deepEqual(await linkRules(), []);
});
