/** What the daemon and a container are told about DNS, and whose files host and none mode have. One daemon for all. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { TestDaemon } from "../support/daemon.ts";
import { DockerLines } from "../support/docker-lines.ts";

const FLAGS = ["--dns", "198.51.100.9", "--dns", "fd98::9", "--dns-search", "daemon.example", "--dns-opt", "timeout:1"];

let daemon: TestDaemon;
let docker: DockerLines;

before(async () => {
  daemon = await TestDaemon.start(...FLAGS);
  docker = new DockerLines(daemon);
  await docker.importBusybox();
  await docker.ok("network create backend");
});
after(async () => daemon[Symbol.asyncDispose]());

/** The lines that say something. */
async function file(name: string, flags: string): Promise<readonly string[]> {
  const text = await docker.ok(`run --rm ${flags} busybox cat /etc/${name}`);
  return text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

test("the daemon's servers, search list and options are every container's", async () => {
  const rest = ["search daemon.example", "options timeout:1"];
  assert.deepEqual(await file("resolv.conf", ""), ["nameserver 198.51.100.9", "nameserver fd98::9", ...rest]);
  const named = ["nameserver 127.0.0.11", "search daemon.example", "options timeout:1 ndots:0"];
  assert.deepEqual(await file("resolv.conf", "--net backend"), named);
});

test("what a container brings replaces the daemon's, each for itself, and a dot takes the search list away", async () => {
  const own = "--dns 203.0.113.1 --dns-option ndots:2 --dns-search .";
  assert.deepEqual(await file("resolv.conf", own), ["nameserver 203.0.113.1", "options ndots:2"]);
  const text = await docker.ok(`run --rm --net backend ${own} busybox cat /etc/resolv.conf`);
  assert.match(text, /^# ExtServers: \[203\.0\.113\.1\]$/m);
  assert.match(text, /^# Option ndots from: override$/m);
});

test("host mode has the host's hosts file, and one of its own with --add-host", async () => {
  const hosts = readFileSync("/etc/hosts", "utf8").trimEnd();
  assert.equal(await docker.ok("run --rm --net host busybox cat /etc/hosts"), hosts);
  const own = await file("hosts", "--net host --add-host x:192.0.2.1");
  assert.ok(own.includes("192.0.2.1\tx"));
});

test("none mode has the same files, and no address of its own in them", async () => {
  assert.deepEqual(
    (await file("hosts", "--net none")).filter((line) => !/^(127|::1|f[ef]0[02])/.test(line)),
    [],
  );
  assert.deepEqual((await file("resolv.conf", "--net none"))[0], "nameserver 198.51.100.9");
});

for (const [flags, message] of [
  ["--net container:x --dns 192.0.2.1", "conflicting options: dns and the network mode"],
  ["--net container:x --add-host a:192.0.2.1", "conflicting options: custom host-to-IP mapping and the network mode"],
  ["--net container:x -h name", "conflicting options: hostname and the network mode"],
  ["--net container:x --link y:z", "conflicting options: container type network can't be used with links."],
] as const) {
  test(`docker run ${flags} is refused`, async () => {
    const said = await docker.fails(`run --rm ${flags} busybox true`);
    assert.ok(said.includes(message), said);
  });
}
