/** The API as the real docker CLI sees it: what it prints and how it exits, over a unix socket and the fake engine. */
import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { TestServer } from "./fake/test-server.ts";

const hasDocker = spawnSync("docker", ["--version"]).status === 0;
const hasScript = spawnSync("script", ["--version"]).status === 0;
const needsDocker = hasDocker ? false : "needs the docker CLI";
const needsTerminal = hasDocker && hasScript ? false : "needs the docker CLI and script(1)";

const DEADLINE_MS = 10_000;

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

class Client {
  readonly process: ChildProcessWithoutNullStreams;
  stdout = "";
  stderr = "";
  readonly outcome: Promise<Outcome>;

  constructor(server: TestServer, program: string, args: readonly string[]) {
    const env = { ...process.env, DOCKER_HOST: server.dockerHost, DOCKER_CONFIG: "/nonexistent", ...server.clientEnv };
    this.process = spawn(program, args, { env, timeout: DEADLINE_MS, killSignal: "SIGKILL" });
    this.process.stdout.on("data", (chunk: Buffer) => (this.stdout += chunk.toString("utf8")));
    this.process.stderr.on("data", (chunk: Buffer) => (this.stderr += chunk.toString("utf8")));
    this.process.stdin.on("error", () => undefined);
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.process.once("close", (code) => resolve({ code, stdout: this.stdout, stderr: this.stderr }));
    this.outcome = promise;
  }

  /** Resolves when what was printed so far matches. */
  async printed(pattern: RegExp): Promise<void> {
    const deadline = Date.now() + DEADLINE_MS;
    while (!pattern.test(this.stdout)) {
      if (Date.now() > deadline) throw new Error(`never printed ${String(pattern)}: ${this.stdout} ${this.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

function docker(server: TestServer, args: readonly string[], input = ""): Promise<Outcome> {
  const client = new Client(server, "docker", args);
  client.process.stdin.end(input);
  return client.outcome;
}

/** docker with a terminal of 33 rows and 77 columns; the caller types. */
function dockerOnTerminal(server: TestServer, command: string): Client {
  return new Client(server, "script", ["-qec", `stty rows 33 cols 77; docker ${command}`, "/dev/null"]);
}

async function output(server: TestServer, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await docker(server, args);
  assert.equal(code, 0, `docker ${args.join(" ")}: ${stderr}`);
  return stdout.trimEnd();
}

test("networks are created, listed, inspected and removed", { skip: needsDocker }, async () => {
  await using server = await TestServer.start();
  assert.match(await output(server, "network", "create", "backend"), /^[0-9a-f]{64}$/);
  const listed = await output(server, "network", "ls", "--format", "{{.Name}} {{.Driver}} {{.Scope}}");
  assert.equal(listed, "backend bridge local\nbridge bridge local\nhost host local\nnone null local");
  assert.equal(
    await output(server, "network", "inspect", "-f", "{{(index .IPAM.Config 0).Subnet}}", "backend"),
    "172.18.0.0/16",
  );
  const refused = await docker(server, ["network", "rm", "bridge"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /^Error response from daemon: bridge is a pre-defined network and cannot be removed\n/);
  assert.equal(await output(server, "network", "rm", "backend"), "backend");
  assert.equal(await output(server, "network", "prune", "-f"), "");
});

test("an attached run shows both outputs apart and exits as the program does", { skip: needsDocker }, async () => {
  await using server = await TestServer.start();
  assert.deepEqual(await docker(server, ["run", "--rm", "busybox", "echo", "hi"]), {
    code: 0,
    stdout: "hi\n",
    stderr: "",
  });
  assert.deepEqual(await docker(server, ["run", "--rm", "busybox", "warn", "no"]), {
    code: 0,
    stdout: "",
    stderr: "no\n",
  });
  assert.equal((await docker(server, ["run", "busybox", "exit", "7"])).code, 7);
  const piped = await docker(server, ["run", "-i", "--rm", "busybox", "cat"], "line\n".repeat(10_000));
  assert.equal(piped.stdout, "line\n".repeat(10_000));
  assert.equal(await output(server, "ps", "-aq", "--filter", "status=running"), "");
  server.engine.assertClean();
});

test("a detached run, its list, log, inspect and removal", { skip: needsDocker }, async () => {
  await using server = await TestServer.start();
  const id = await output(server, "run", "-d", "--name", "c1", "busybox", "sleep", "100");
  assert.equal(
    await output(server, "ps", "--format", "{{.ID}} {{.Names}} {{.Command}} {{.State}}"),
    `${id.slice(0, 12)} c1 "sleep 100" running`,
  );
  assert.match(await output(server, "ps", "--format", "{{.Status}}"), /^Up (Less than a second|\d+ seconds?)$/);
  assert.equal(
    await output(server, "inspect", "-f", "{{.NetworkSettings.Networks.bridge.IPAddress}}", "c1"),
    "172.17.0.2",
  );
  const refused = await docker(server, ["rm", "c1"]);
  assert.match(refused.stderr, /cannot remove container "\/c1": container is running/);
  assert.equal(await output(server, "stop", "c1"), "c1");
  assert.match(await output(server, "ps", "-a", "--format", "{{.Status}}"), /^Exited \(137\) .* ago$/);
  assert.equal(await output(server, "rm", "c1"), "c1");
});

test("exec prints, exits and says why it cannot start", { skip: needsDocker }, async () => {
  await using server = await TestServer.start();
  await output(server, "run", "-d", "--name", "c1", "busybox", "sleep", "100");
  assert.deepEqual(await docker(server, ["exec", "c1", "echo", "yo"]), { code: 0, stdout: "yo\n", stderr: "" });
  assert.equal((await docker(server, ["exec", "c1", "false"])).code, 1);
  assert.equal((await docker(server, ["exec", "-i", "c1", "cat"], "typed")).stdout, "typed");
  const missing = await docker(server, ["exec", "c1", "missing"]);
  assert.equal(missing.code, 127);
  assert.match(missing.stdout, /executable file not found/);
  assert.equal((await docker(server, ["exec", "-d", "c1", "echo", "x"])).code, 0);
  server.engine.assertClean();
});

test("exec on a terminal has its size and exits as the shell does", { skip: needsTerminal }, async () => {
  await using server = await TestServer.start();
  await output(server, "run", "-d", "--name", "c1", "busybox", "sleep", "100");
  const client = dockerOnTerminal(server, "exec -it c1 sh");
  const sized = async (): Promise<void> => {
    client.process.stdin.write("size\n");
    await client.printed(/33 77/);
  };
  await sized();
  client.process.stdin.write("exit 5\n");
  assert.equal((await client.outcome).code, 5);
});

test("ctrl-p ctrl-q leaves an attached terminal and the container runs on", { skip: needsTerminal }, async () => {
  await using server = await TestServer.start();
  await output(server, "run", "-itd", "--name", "c1", "busybox");
  const client = dockerOnTerminal(server, "attach c1");
  client.process.stdin.write("echo hello\n");
  await client.printed(/hello\s+hello/);
  client.process.stdin.write("\u0010\u0011");
  assert.match((await client.outcome).stdout, /read escape sequence/);
  assert.equal(await output(server, "ps", "--format", "{{.State}}"), "running");
});

test("followed logs end with the container, or with the client", { skip: needsDocker }, async () => {
  await using server = await TestServer.start();
  await output(server, "run", "-itd", "--name", "c1", "busybox");
  const follower = new Client(server, "docker", ["logs", "-f", "c1"]);
  const quitter = new Client(server, "docker", ["logs", "-f", "c1"]);
  const typist = new Client(server, "docker", ["exec", "c1", "true"]);
  await typist.outcome;
  const attached = server.engine.containers.entry("c1").process.attach({ stdin: true, logs: false, stream: false });
  attached.stdin?.write("echo followed\n");
  await follower.printed(/followed/);
  await quitter.printed(/followed/);
  quitter.process.kill("SIGKILL");
  await quitter.outcome;
  await output(server, "kill", "c1");
  assert.equal((await follower.outcome).code, 0);
  attached.output.destroy();
  await until(() => server.engine.containers.openStreams() === 0);
});

test("events are printed as they happen", { skip: needsDocker }, async () => {
  await using server = await TestServer.start();
  const since = String(Math.floor(Date.now() / 1000) - 1);
  const args = [
    "events",
    "--since",
    since,
    "--filter",
    "type=network",
    "--format",
    "{{.Action}} {{.Actor.Attributes.name}}",
  ];
  const events = new Client(server, "docker", args);
  await output(server, "network", "create", "n1");
  await output(server, "network", "rm", "n1");
  await events.printed(/create n1\ndestroy n1\n/);
  events.process.kill("SIGINT");
  await events.outcome;
});

test("images are imported, listed, tagged and removed", { skip: needsDocker }, async () => {
  await using server = await TestServer.start();
  const directory = await mkdtemp(join(tmpdir(), "causeway-import-"));
  try {
    await writeFile(join(directory, "root.tar"), Buffer.alloc(1024 * 1024));
    const change = 'CMD ["echo", "from image"]';
    const id = await output(server, "import", "--change", change, join(directory, "root.tar"), "mine:1");
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    assert.equal(await output(server, "run", "--rm", "mine:1"), "from image");
    await output(server, "tag", "mine:1", "other");
    assert.equal(await output(server, "images", "--format", "{{.Repository}}:{{.Tag}}", "other"), "other:latest");
    assert.match(await output(server, "rmi", "mine:1"), /Untagged: mine:1/);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test("lists, counts and prunes that ask for everything behave", { skip: needsDocker }, async () => {
  await using server = await TestServer.start();
  assert.match(
    await output(server, "version", "--format", "{{.Server.Version}} {{.Server.APIVersion}}"),
    /^0\.1\.0 1\.51$/,
  );
  assert.match(await output(server, "info"), /Server Version: 0\.1\.0[\s\S]*Network: bridge host null/);
  assert.equal(await output(server, "volume", "ls", "-q"), "");
  assert.match(await output(server, "system", "df"), /^Images +1 +0/m);
  assert.match(await output(server, "system", "prune", "-f"), /Total reclaimed space: 0B/);
  const pulled = await docker(server, ["run", "nope"]);
  assert.equal(pulled.code, 125);
  assert.match(pulled.stderr, /pulling \S*nope from a registry is not implemented yet/);
});

test("published ports are shown by port, ps and inspect, and found by filters", { skip: needsDocker }, async () => {
  await using server = await TestServer.start();
  const publish = ["-p", "8080:80", "-p", "127.0.0.1:5300:53/udp", "-p", "7000-7001:70-71", "--expose", "99"];
  await output(server, "run", "-d", "--name", "c1", ...publish, "busybox", "sleep", "100");
  const lines = (await output(server, "port", "c1")).split("\n").sort();
  assert.deepEqual(lines, [
    "53/udp -> 127.0.0.1:5300",
    "70/tcp -> 0.0.0.0:7000",
    "70/tcp -> [::]:7000",
    "71/tcp -> 0.0.0.0:7001",
    "71/tcp -> [::]:7001",
    "80/tcp -> 0.0.0.0:8080",
    "80/tcp -> [::]:8080",
  ]);
  const column = await output(server, "ps", "--format", "{{.Ports}}");
  for (const text of ["127.0.0.1:5300->53/udp", "0.0.0.0:8080->80/tcp", "99/tcp"])
    assert.ok(column.includes(text), column);
  for (const [filter, found] of [
    ["publish=8080", "c1"],
    ["publish=5300/udp", "c1"],
    ["publish=7000-7005", "c1"],
    ["publish=80", ""],
    ["expose=80", "c1"],
    ["expose=98-99/tcp", "c1"],
    ["expose=53", ""],
  ] as const) {
    assert.equal(await output(server, "ps", "--filter", filter, "--format", "{{.Names}}"), found, filter);
  }
  const exposures = (await server.request("GET", "/v1.51/causeway/ports")).body;
  assert.match(JSON.stringify(exposures), /"HostIp":"127\.0\.0\.1".*"Reach":"loopback"/);
  const second = await docker(server, ["run", "-d", "-p", "8080:80", "busybox", "sleep", "100"]);
  assert.match(second.stderr, /Bind for 0\.0\.0\.0:8080 failed: port is already allocated/);
  await output(server, "rm", "-f", "c1");
});

test("clients of each API version are served, older ones are told why not", { skip: needsDocker }, async () => {
  await using server = await TestServer.start();
  for (const version of ["1.41", "1.43", "1.44", "1.48"]) {
    server.clientEnv = { DOCKER_API_VERSION: version };
    assert.equal(await output(server, "run", "--rm", "busybox", "echo", version), version);
    const id = await output(server, "network", "create", `net-${version}`);
    const name = await output(server, "network", "inspect", "-f", "{{.Name}}", id);
    assert.equal(name, `net-${version}`);
  }
  server.clientEnv = { DOCKER_API_VERSION: "1.40" };
  const { stderr } = await docker(server, ["ps"]);
  assert.match(stderr, /client version 1\.40 is too old\. Minimum supported API version is 1\.41/);
});

test("statistics are sampled twice and count each interface", { skip: needsDocker }, async () => {
  await using server = await TestServer.start();
  await output(server, "run", "-d", "--name", "c1", "busybox", "sleep", "100");
  const line = await output(server, "stats", "--no-stream", "--format", "{{.Name}} {{.NetIO}}");
  assert.equal(line, "c1 1.15EB / 42B");
  await output(server, "rm", "-f", "c1");
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + DEADLINE_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`never came true: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
