/** The controller with all its real parts in a private namespace, judged by ip, ping, getent, iptables-save and /proc. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { run } from "./support/run.ts";
import { takeTraces } from "./support/traces.ts";
import { until } from "./support/wait.ts";
import type { SandboxSpec } from "../src/controller/cnm.ts";
import { openController, type OpenedController } from "../src/controller/open.ts";
import { DEFAULT_SETTINGS } from "../src/controller/options.ts";
import { openSandbox } from "../src/controller/sandbox-handle.ts";

let directory = "";

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "causeway-controller-"));
});

afterEach(async () => {
  for (const { id } of opened?.controller.sandboxes() ?? []) await opened?.controller.removeSandbox(id);
  await opened?.[Symbol.asyncDispose]();
  opened = undefined;
  // Each test starts on an empty host: what the last one made on purpose goes.
  for (const name of await linkNames()) if (name !== "lo") await run(["ip", "link", "del", name]);
  for (const table of ["filter", "nat"]) {
    for (const program of ["iptables", "ip6tables"] as const) {
      await run([program, "-t", table, "-F"]);
      await run([program, "-t", table, "-X"]);
    }
  }
  await rm(directory, { recursive: true, force: true });
});

let opened: OpenedController | undefined;

/** Over the same directories each time: the second is a restart of the first. */
async function open(): Promise<OpenedController> {
  await opened?.[Symbol.asyncDispose]();
  // No upstreams: a name that nobody here has is answered at once.
  const settings = { ...DEFAULT_SETTINGS, resolvConfPath: join(directory, "no-resolv.conf") };
  opened = await openController({ dataRoot: join(directory, "data"), runDirectory: join(directory, "run"), settings });
  return opened;
}

function spec(name: string, ...networks: readonly string[]): SandboxSpec {
  const endpoints = networks.map((network) => ({ network, name }));
  return { containerId: name, hostname: name, filesDirectory: directory, endpoints };
}

async function linkNames(): Promise<readonly string[]> {
  const { stdout } = await run(["ip", "-json", "link"]);
  const links: readonly { readonly ifname: string }[] = JSON.parse(stdout || "[]");
  return links.map(({ ifname }) => ifname);
}

/** With their order, without counters. */
async function hostRules(): Promise<readonly string[]> {
  return (await run(["iptables-save"])).stdout.split("\n").filter((line) => line.startsWith("-A"));
}

async function inside(key: string, ...command: readonly string[]): Promise<string> {
  return (await run(["nsenter", `--net=${key}`, ...command])).stdout;
}

test("everything made and removed a few times leaves no link, rule, mount, namespace or descriptor", async () => {
  const round = async ({ controller }: OpenedController): Promise<void> => {
    await controller.createNetwork({ name: "one", enableIPv6: true });
    await controller.createNetwork({ name: "two", internal: true });
    const made = await Promise.all(
      ["a", "b", "c"].map((name) => controller.createSandbox(spec(name, "one", "bridge"))),
    );
    for (const { id } of made) {
      const endpoint = await controller.connect(id, { network: "two", name: id });
      await controller.disconnect(endpoint.id);
      await assert.rejects(controller.connect(id, { network: "one", name: "again" }), { code: "forbidden" });
    }
    await Promise.all(made.map(({ id }) => controller.removeSandbox(id)));
    await controller.removeNetwork("one");
    await controller.removeNetwork("two");
  };
  const opened = await open();
  await round(opened);
  const before = await takeTraces(process.pid);
  for (let times = 0; times < 3; times++) await round(opened);
  // A descriptor closes when its other end does: fewer than before is as good as the same.
  const after = await until("descriptors are closed", async () => {
    const traces = await takeTraces(process.pid);
    return traces.descriptors <= before.descriptors && traces;
  });
  assert.deepEqual({ ...after, descriptors: 0 }, { ...before, descriptors: 0 });
  assert.deepEqual(await readdir(join(directory, "run/netns")), []);
});

test("a link in the way fails a network clearly, and neither it nor anything else changes", async () => {
  const opened = await open();
  await run(["ip", "link", "add", "mine", "type", "veth", "peer", "name", "yours"]);
  const before = await takeTraces(0);
  const options = { "com.docker.network.bridge.name": "mine" };
  await assert.rejects(opened.controller.createNetwork({ name: "x", options }), /create network x: .*mine/);
  assert.deepEqual(await takeTraces(0), before);
  assert.equal(opened.controller.networks().length, 3);
});

test("a restart where nothing changed applies no step, leaves every rule in its place, and loses no packet", async () => {
  let opened = await open();
  await opened.controller.createNetwork({ name: "backend" });
  const c1 = await opened.controller.createSandbox(spec("c1", "backend"));
  const c2 = await opened.controller.createSandbox(spec("c2", "backend"));
  const links = (await run(["ip", "link"])).stdout;
  const rules = await hostRules();
  const target = c2.endpoints[0]?.endpoint.addresses[0]?.address.value ?? 0n;
  const ping = spawn("nsenter", [`--net=${c1.key}`, "ping", "-i0.01", "-c150", `${0xac120000n + (target & 0xffffn)}`]);
  let printed = "";
  ping.stdout.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  const ended = new Promise((resolve) => ping.once("close", resolve));
  await until("ping answers", () => printed.includes("icmp_seq=2"));

  opened = await open();
  await ended;
  assert.match(printed, /150 packets transmitted, 150 received, 0% packet loss/);
  assert.equal(opened.controller.startReport.steps, 0);
  assert.deepEqual(opened.controller.startReport.rules, { added: 0, removed: 0 });
  assert.equal((await inside(c1.key, "dig", "+short", "@127.0.0.11", "c2")).trim(), "172.18.0.3");
  assert.deepEqual(await hostRules(), rules);
  assert.equal((await run(["ip", "link"])).stdout, links);
  assert.deepEqual(opened.controller.findSandbox(c1.id), c1);
});

test("what somebody breaks on the host is repaired within a second, and a foreign link is left alone", async () => {
  const opened = await open();
  const { controller } = opened;
  await controller.createNetwork({ name: "backend" });
  await using c1 = await openSandbox(opened, { name: "c1", networks: ["backend"] });
  await using c2 = await openSandbox(opened, { name: "c2", networks: ["backend"] });
  await run(["ip", "link", "add", "mine", "type", "veth", "peer", "name", "yours"]);
  const veth = (await linkNames()).find((name) => name.startsWith("veth")) ?? "";
  const bridge = (await linkNames()).find((name) => name.startsWith("br-")) ?? "";
  const shows = async (command: readonly [string, ...string[]], pattern: RegExp): Promise<boolean> =>
    pattern.test((await run(command)).stdout);

  await run(["ip", "addr", "del", "172.17.0.1/16", "dev", "docker0"]);
  await until("docker0's address", () => shows(["ip", "addr", "show", "docker0"], /172\.17\.0\.1\/16/), 1500);
  await run(["ip", "link", "set", veth, "down"]);
  await until("the veth is up", () => shows(["ip", "link", "show", veth], /[<,]UP[,>]/), 1500);
  await run(["ip", "link", "set", veth, "nomaster"]);
  await until("the veth is a port", () => shows(["ip", "link", "show", veth], new RegExp(`master ${bridge}`)), 1500);
  await run(["ip", "link", "del", bridge]);
  await until(
    "the bridge and its ports",
    () => shows(["ip", "link", "show", veth], new RegExp(`master ${bridge}`)),
    1500,
  );
  await run(["ip", "link", "del", veth]);
  await until("both ends of the veth", async () => (await c1.run(["ping", "-c1", "-W1", "c2"])).exitCode === 0, 2500);
  assert.match((await run(["ip", "-d", "link", "show", "mine"])).stdout, /state DOWN/);
  await run(["ip", "link", "del", "mine"]);
  assert.equal((await c2.run(["ping", "-c1", "-W1", "c1"])).exitCode, 0);
});

test("connect moves the default route to the preferred network and disconnect moves it back", async () => {
  const opened = await open();
  const { controller } = opened;
  await controller.createNetwork({ name: "b-net" });
  await controller.createNetwork({ name: "a-net" });
  const { id, key } = await controller.createSandbox(spec("c1", "b-net"));
  const route = async (): Promise<string> => (await inside(key, "ip", "route", "show", "default")).trim();
  assert.equal(await route(), "default via 172.18.0.1 dev eth0");
  const endpoint = await controller.connect(id, { network: "a-net", name: "c1" });
  assert.equal(await route(), "default via 172.19.0.1 dev eth1");
  await controller.disconnect(endpoint.id);
  assert.equal(await route(), "default via 172.18.0.1 dev eth0");
  assert.doesNotMatch(await inside(key, "ip", "link"), /eth1/);
});

test("the host has the route to the default bridge, and its masquerading rule to the letter", async () => {
  const opened = await open();
  assert.equal(opened.firewallBackend, "iptables");
  assert.match((await run(["ip", "route"])).stdout, /^172\.17\.0\.0\/16 dev docker0 .*src 172\.17\.0\.1/m);
  const rules = (await run(["iptables-save"])).stdout;
  assert.match(rules, /^-A POSTROUTING -s 172\.17\.0\.0\/16 ! -o docker0 -j MASQUERADE$/m);
  assert.match(rules, /^-A FORWARD -i docker0 -o docker0 -j ACCEPT$/m);
});

test("forwarding is switched on for a family when a network first needs it, and then FORWARD drops", async () => {
  const forwarding = async (key: string): Promise<string> => (await run(["sysctl", "-n", key])).stdout.trim();
  const policy = async (program: "iptables" | "ip6tables"): Promise<string> =>
    (await run([program, "-S", "FORWARD"])).stdout.split("\n")[0] ?? "";
  for (const program of ["iptables", "ip6tables"] as const) await run([program, "-P", "FORWARD", "ACCEPT"]);
  await run(["sysctl", "-w", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0"]);
  const { controller } = await open();
  assert.deepEqual([await forwarding("net.ipv4.ip_forward"), await policy("iptables")], ["1", "-P FORWARD DROP"]);
  const ipv6 = async () => [await forwarding("net.ipv6.conf.all.forwarding"), await policy("ip6tables")];
  assert.deepEqual(await ipv6(), ["0", "-P FORWARD ACCEPT"]);
  await controller.createNetwork({ name: "inner", enableIPv6: true, internal: true });
  assert.deepEqual(await ipv6(), ["0", "-P FORWARD ACCEPT"]);
  await controller.createNetwork({ name: "six", enableIPv6: true });
  assert.deepEqual(await ipv6(), ["1", "-P FORWARD DROP"]);
});

test("a sandbox on the default bridge has no resolver until it joins a user-defined network", async () => {
  const opened = await open();
  await opened.controller.createNetwork({ name: "backend" });
  await using c1 = await openSandbox(opened, { name: "c1", networks: ["bridge"] });
  await using c2 = await openSandbox(opened, { name: "c2", networks: ["backend"] });
  const lookUp = async (): Promise<string> =>
    (await c1.run(["getent", "ahostsv4", "c2"], { timeoutMs: 20_000 })).stdout;
  assert.doesNotMatch((await c1.run(["cat", "/etc/resolv.conf"])).stdout, /127\.0\.0\.11/);
  await c1.connect("backend");
  assert.match((await c1.run(["cat", "/etc/resolv.conf"])).stdout, /^nameserver 127\.0\.0\.11$/m);
  assert.match(await lookUp(), /^172\.18\.0\.2 .*c2$/m);
  assert.match((await c2.run(["getent", "ahostsv4", "c1.backend"])).stdout, /^172\.18\.0\.3/m);
  await c1.disconnect("backend");
  assert.doesNotMatch((await c2.run(["getent", "ahostsv4", "c1.backend"])).stdout, /172\.18\.0\.3/);
});

test("namespaces under the run directory that no sandbox owns are removed at start, sandboxes without one released", async () => {
  let opened = await open();
  await opened.controller.createNetwork({ name: "backend" });
  const c1 = await opened.controller.createSandbox(spec("c1", "backend"));
  await opened[Symbol.asyncDispose]();
  await run(["umount", c1.key]);
  await rm(c1.key);
  const stray = join(directory, "run/netns/0123456789ab");
  await run(["sh", "-c", `touch ${stray} && unshare --net=${stray} true`]);

  opened = await open();
  assert.deepEqual(await readdir(join(directory, "run/netns")), []);
  assert.equal(opened.controller.findSandbox(c1.id), undefined);
  assert.deepEqual(
    (await linkNames()).filter((name) => name.startsWith("veth")),
    [],
  );
  await opened.controller.removeNetwork("backend");
});

/** Makes and removes sandboxes as fast as it can until it is killed. */
const RESTLESS = `
  const { openController } = await import(process.env.LIBRARY);
  const opened = await openController({ dataRoot: process.env.DATA, runDirectory: process.env.RUN });
  await opened.controller.createNetwork({ name: "backend" });
  console.log("ready");
  const work = async (name) => {
    for (;;) {
      const endpoints = [{ network: "backend", name }];
      const spec = { containerId: name, hostname: name, filesDirectory: process.env.DATA, endpoints };
      const { id } = await opened.controller.createSandbox(spec);
      await opened.controller.removeSandbox(id);
      console.log("round");
    }
  };
  await Promise.all(["a", "b", "c"].map(work));
`;

test("killed at any moment, the next start leaves exactly what is intended, and that can be removed", async () => {
  const [data, runDirectory] = [join(directory, "data"), join(directory, "run")];
  const program = join(directory, "restless.mjs");
  await writeFile(program, RESTLESS);
  const child = spawn(process.execPath, [program], {
    env: { ...process.env, DATA: data, RUN: runDirectory, LIBRARY: join(import.meta.dirname, "../src/index.ts") },
  });
  let rounds = 0;
  child.stdout.on("data", (chunk: Buffer) => (rounds += chunk.toString().split("round").length - 1));
  child.stderr.pipe(process.stderr);
  const ended = new Promise((resolve) => child.once("close", resolve));
  await until("a few rounds are done", () => rounds > 10, 30_000);
  child.kill("SIGKILL");
  await ended;

  const { controller } = await open();
  const intended = controller.sandboxes().map(({ key }) => basename(key));
  assert.deepEqual((await readdir(join(runDirectory, "netns"))).sort(), intended.toSorted());
  const veths = async (): Promise<number> => (await linkNames()).filter((name) => name.startsWith("veth")).length;
  assert.equal(await veths(), controller.endpoints().length);
  for (const { id } of controller.sandboxes()) await controller.removeSandbox(id);
  await controller.removeNetwork("backend");
  assert.deepEqual([await veths(), await readdir(join(runDirectory, "netns"))], [0, []]);
  assert.deepEqual((await linkNames()).toSorted(), ["docker0", "lo"]);
});
