/**
 * The walk-through and terminals with our own command line, on a daemon of the test's own. Each test is a step, in order; they
 * share one daemon. The kernel's view comes from `ip`, and what the daemon thinks of it from the real docker CLI where there is
 * one.
 */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { makeBusyboxTar } from "../../tools/demo/busybox-tar.ts";
import { TestDaemon } from "../support/daemon.ts";
import { run } from "../support/run.ts";
import type { Ran, RunOptions } from "../support/run.ts";
import { Terminal } from "../support/terminal.ts";
import { until } from "../support/wait.ts";

const PROGRAM: readonly [string, string] = [process.execPath, join(import.meta.dirname, "../../bin/causeway.js")];
const SIZE = { rows: 41, columns: 111 };
const DETACH = "\u0010\u0011";
const hasDocker = spawnSync("docker", ["--version"]).status === 0;

let daemon: TestDaemon;

before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => daemon[Symbol.asyncDispose]());

async function causeway(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return run([...PROGRAM, ...words], { ...options, environment: daemon.environment() });
}

async function ok(line: string): Promise<string> {
  const ran = await causeway(line.split(" "));
  assert.equal(ran.status, 0, `causeway ${line}: ${ran.stderr}\n${daemon.log}`);
  return ran.stdout.trimEnd();
}

/** Gives what it complained, and its exit status. */
async function fails(line: string): Promise<{ readonly text: string; readonly status: number }> {
  const { status, stdout, stderr } = await causeway(line.split(" "));
  assert.notEqual(status, 0, `causeway ${line} should have failed: ${stdout}`);
  return { text: stderr.trim(), status };
}

function onTerminal(line: string): Terminal {
  return new Terminal(`${PROGRAM.join(" ")} ${line}`, SIZE, daemon.environment());
}

test("networks are made, listed and the predefined ones kept", async () => {
  for (const name of ["backend", "frontend"]) assert.match(await ok(`network create ${name}`), /^[0-9a-f]{64}$/);
  const lines = (await ok("network ls")).split("\n").map((line) => line.trim().split(/\s{2,}/));
  assert.deepEqual(lines[0], ["NETWORK ID", "NAME", "DRIVER", "SCOPE"]);
  assert.deepEqual(
    lines.slice(1).map(([, name]) => name),
    ["backend", "bridge", "frontend", "host", "none"],
  );
  for (const name of ["bridge", "host", "none"]) {
    assert.match((await fails(`network rm ${name}`)).text, /is a pre-defined network and cannot be removed/);
  }
});

test("an image comes from a file, and from what is piped in", async () => {
  const tar = join(daemon.directory, "busybox.tar");
  makeBusyboxTar(tar);
  const named = await causeway(["image", "import", "--change", 'CMD ["sh"]', tar, "busybox"]);
  assert.match(named.stdout, /^sha256:[0-9a-f]{64}\n$/, named.stderr);
  const piped = await causeway(["image", "import", "-", "piped:1"], { input: readFileSync(tar) });
  assert.match(piped.stdout, /^sha256:[0-9a-f]{64}\n$/, piped.stderr);
  assert.equal(await ok("image ls --format {{.Repository}}:{{.Tag}} piped"), "piped:1");
  assert.match(await ok("image rm piped:1"), /^Untagged: piped:1/);
});

test("c2 is connected and disconnected while it runs", async () => {
  for (const [name, network] of Object.entries({ c1: "backend", c2: "backend", c3: "frontend" })) {
    assert.match(await ok(`run -itd --name ${name} --net ${network} busybox`), /^[0-9a-f]{64}$/);
  }
  assert.match(await ok("exec c1 ping -c2 c2"), /PING c2 \(172\.18\.0\.3\)[\s\S]* 0% packet loss/);
  assert.match((await fails("exec c1 ping -c1 c3")).text, /bad address 'c3'/);
  assert.equal(await ok("network connect frontend c2"), "");
  assert.match(await ok("exec c2 ifconfig"), /eth1[\s\S]*172\.19\.0\.3/);
  assert.match(await ok("exec c2 ping -c1 c3"), / 0% packet loss/);
  assert.equal(await ok("network disconnect frontend c2"), "");
  assert.doesNotMatch(await ok("exec c2 ifconfig"), /eth1/);
  assert.match((await fails("network rm backend")).text, /has active endpoints .*c1/);
  const pid = await ok("inspect -f {{.State.Pid}} c2");
  const links = await run(["nsenter", "-t", pid, "-n", "ip", "-o", "link"]);
  assert.deepEqual(links.stdout.match(/\b(lo|eth\d)\b(?=[@:])/g), ["lo", "eth0"]);
});

test(
  "what it lists and inspects is what docker does",
  { skip: hasDocker ? false : "needs the docker CLI" },
  async () => {
    const lists = [
      "ps -a --no-trunc --format {{.ID}}{{.Names}}{{.CreatedAt}}",
      "image ls --format {{.ID}}{{.CreatedAt}}",
    ];
    const lines = [...lists, "network inspect backend", "inspect c1", "network ls --no-trunc"];
    for (const line of [...lines, "events --since 1h --until 0s", "events --since 1h --until 0s --format json"]) {
      const theirs = await daemon.docker(line.split(" "));
      // docker leaves out what it does not know; ours is the daemon's text
      if (line === "inspect c1") assert.equal(idOf(await ok(line)), idOf(theirs.stdout));
      else assert.equal(await ok(line), theirs.stdout.trimEnd(), line);
    }
    const [mine, docker] = [await ok("version"), (await daemon.docker(["version"])).stdout.trimEnd()];
    assert.equal(mine.slice(mine.indexOf("Server:")), docker.slice(docker.indexOf("Server:")));
  },
);

test("exec -it is a real terminal: size, line ends, ctrl-c, exit code", async () => {
  await using terminal = onTerminal("exec -it c2 sh");
  await terminal.sees("# ");
  terminal.type("stty size\r");
  await terminal.sees("stty size\r\n41 111\r\n");
  await terminal.sees("# ");
  terminal.type("sleep 1000\r");
  await until("sleep runs in c2", async () => (await causeway(["exec", "c2", "pidof", "sleep"])).status === 0);
  terminal.type("\u0003");
  await terminal.sees("# ");
  terminal.type("exit 7\r");
  assert.equal(await terminal.ended(), 7);
});

test("the terminal's new size reaches the container", async () => {
  await using terminal = onTerminal("exec -it c2 sh");
  await terminal.sees("# ");
  const pid = (await run(["pgrep", "-f", "causeway.js exec -it c2 sh$"])).stdout.trim().split("\n").at(-1);
  const { stdout } = await run(["readlink", `/proc/${pid}/fd/0`]);
  assert.equal((await run(["stty", "-F", stdout.trim(), "rows", "20", "cols", "50"])).status, 0);
  terminal.type(`until [ "$(stty size)" = '20 50' ]; do sleep 0.05; done; echo resi''zed\r`);
  await terminal.sees("resized");
  await terminal.sees("# ");
  terminal.type("exit\r");
  assert.equal(await terminal.ended(), 0);
});

test("the detach keys leave a container running, and attach finds it again", async () => {
  await using first = onTerminal("run -it --name kept busybox sh");
  await first.sees("# ");
  first.type(`mark=here\r`);
  await first.sees("# ");
  first.type(DETACH);
  assert.equal(await first.ended(), 0);
  assert.equal(await ok("inspect -f {{.State.Running}} kept"), "true");
  await using second = onTerminal("attach --detach-keys ctrl-x,q kept");
  await second.sees("# ");
  second.type("echo $mark; stty size\r");
  await second.sees("here\r\n41 111\r\n");
  second.type("\u0018q");
  await second.sees("read escape sequence");
  assert.equal(await second.ended(), 1);
});

test("the terminal is given back as it was", async () => {
  const session = `${PROGRAM.join(" ")} exec -it kept sh; stty -a | tr " ;" "\\n\\n" | grep -E "^-?(icanon|echo|opost)$"`;
  await using terminal = new Terminal(`sh -c '${session}'`, SIZE, daemon.environment());
  await terminal.sees("# ");
  terminal.type(DETACH);
  await terminal.ended();
  assert.deepEqual(
    terminal
      .rest()
      .match(/-?\b(icanon|echo|opost)\b/g)
      ?.sort(),
    ["echo", "icanon", "opost"],
  );
});

test("an attached container's status is the command's: attach, start -ai, run --rm", async () => {
  await using attached = onTerminal("attach kept");
  await attached.sees("# ");
  attached.type("exit 4\r");
  assert.equal(await attached.ended(), 4);
  await using started = onTerminal("start -ai kept");
  await started.sees("# ");
  started.type("exit 5\r");
  assert.equal(await started.ended(), 5);
  const { status } = await causeway(["run", "--rm", "busybox", "sh", "-c", "exit 6"]);
  assert.equal(status, 6);
});

test("ctrl-c and SIGTERM reach a container without a terminal", async () => {
  const script = `trap "exit 3" INT; echo ready; while :; do sleep 0.1; done`;
  await using terminal = onTerminal(`run --rm busybox sh -c '${script}'`);
  await terminal.sees("ready");
  terminal.type("\u0003");
  assert.equal(await terminal.ended(), 3);
  const words = ["run", "--rm", "busybox", "sh", "-c", script.replace("INT", "TERM")];
  const { seen, ended, child } = started(words);
  await until("the container is ready", () => seen().includes("ready"));
  child.kill("SIGTERM");
  assert.equal(await ended, 3);
});

test("standard input goes in whole, output and errors come out apart", async () => {
  const input = "y".repeat(3_000_000);
  assert.equal((await causeway(["run", "--rm", "-i", "busybox", "wc", "-c"], { input })).stdout, "3000000\n");
  assert.equal((await causeway(["exec", "-i", "c1", "wc", "-c"], { input })).stdout, "3000000\n");
  const both = await causeway(["exec", "c1", "sh", "-c", "head -c 3000000 /dev/zero; echo err >&2"]);
  assert.deepEqual([both.stdout.length, both.stderr, both.status], [3_000_000, "err\n", 0]);
});

test("without a terminal of ours there is none for the container", async () => {
  assert.deepEqual(await fails("exec -it c1 true"), { text: "the input device is not a TTY", status: 1 });
});

test("logs -f follows to the end of the container, and to ctrl-c", async () => {
  const counting = [
    "run",
    "-d",
    "--name",
    "counts",
    "busybox",
    "sh",
    "-c",
    "for i in 1 2 3; do echo $i; sleep 0.2; done",
  ];
  assert.equal((await causeway(counting)).status, 0);
  assert.equal(await ok("logs -f counts"), "1\n2\n3");
  assert.match(await ok("logs -t --tail 1 counts"), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z 3$/);
  const ticking = ["run", "-d", "--name", "ticks", "busybox", "sh", "-c", "while :; do echo tick; sleep 0.1; done"];
  assert.equal((await causeway(ticking)).status, 0);
  await using terminal = onTerminal("logs -f ticks");
  await terminal.sees("tick\r\ntick\r\n");
  terminal.type("\u0003");
  assert.equal(await terminal.ended(), 130);
});

test("events come as they happen", async () => {
  const { seen, ended, child } = started(["events", "-f", "type=network", "--format", "{{.Action}} {{.TimeNano}}"]);
  await until("the event is told", async () => {
    await ok("network create short");
    await ok("network rm short");
    return /^destroy \d{19}$/m.test(seen());
  });
  child.kill("SIGINT");
  assert.equal(await ended, "SIGINT");
});

test("info counts what there is", async () => {
  assert.equal(await ok("info -f {{.ContainersRunning}}"), "4");
  const text = await ok("info");
  assert.match(text, /^ Images: 1$/m);
  assert.match(text, /^ {2}Network: bridge host ipvlan macvlan null$/m);
});

test("what is removed is gone", async () => {
  await ok("rm -f c1 c2 c3 kept counts ticks");
  assert.equal(await ok("network rm backend frontend"), "backend\nfrontend");
  assert.equal(await ok("ps -aq"), "");
  const { stdout } = await run(["ip", "-o", "link"]);
  assert.doesNotMatch(stdout, /veth|br-/);
});

function idOf(inspected: string): string | undefined {
  return /"Id": "([0-9a-f]{64})"/.exec(inspected)?.[1];
}

/** Started, with what it printed so far, and its status or the signal that ended it. */
function started(words: readonly string[]) {
  const [program, script] = PROGRAM;
  const child = spawn(program, [script, ...words], { env: { ...process.env, ...daemon.environment() } });
  let printed = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (printed += chunk));
  const { promise, resolve } = Promise.withResolvers<number | NodeJS.Signals | null>();
  child.once("close", (code, signal) => resolve(code ?? signal));
  return { child, ended: promise, seen: () => printed };
}
