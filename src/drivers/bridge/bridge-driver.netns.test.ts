/** Bridge networks and sandboxes carried out by the real kernel thread, judged by `ip -j`, `bridge -j` and ping. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { after, before, test } from "node:test";
import { parseMac } from "../../addr/mac-address.ts";
import { parsePrefix } from "../../addr/prefix.ts";
import type { KernelFact } from "../../kernel/facts.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { planChange } from "../../kernel/plan.ts";
import { openKernelThread } from "../../kernel/thread.ts";
import { sandboxFacts, type SandboxEndpoint } from "../../sandbox/stack.ts";
import { NO_MEMBERS, type EndpointIntent, type NetworkIntent } from "../intent.ts";
import { createBridgeDriver } from "./bridge-driver.ts";
import { endpoint, idOf, network, pool } from "./intents.fixture.ts";
import { OPTION } from "./options.ts";

const DIRECTORY = "/run/causeway-netns";
const driver = createBridgeDriver();

const BACKEND = network({
  enableIPv6: true,
  options: { [OPTION.mtu]: "1400" },
  pools: [pool("172.18.0.0/16", "172.18.0.1"), pool("fd00:18::/64", "fd00:18::1")],
});
const ALPHA = network({ id: idOf("abcdef"), name: "alpha", pools: [pool("172.19.0.0/16", "172.19.0.1")] });
const INTERNAL = network({ id: idOf("123456"), internal: true, pools: [pool("172.20.0.0/16", "172.20.0.1")] });

type Joined = readonly [NetworkIntent, EndpointIntent];

function sandbox(name: string, ...joined: Joined[]): readonly KernelFact[] {
  const namespace = `${DIRECTORY}/${name}`;
  const endpoints = joined.map(([on, intent], index): SandboxEndpoint => {
    const { gateways, routes } = driver.joinInfo(on, intent);
    const { name: networkName, internal } = on;
    const { addresses, options, gatewayPriority } = intent;
    return {
      networkName,
      internal,
      gatewayPriority,
      gateways,
      routes,
      addresses,
      options,
      interfaceName: `eth${index}`,
    };
  });
  const links = joined.flatMap(
    ([on, intent], index) => driver.endpointState(on, intent, { namespace, interfaceName: `eth${index}` }).facts,
  );
  return [...sandboxFacts({ namespace, endpoints, sysctls: {} }), ...links];
}

/** Endpoints differ in id and MAC. */
function joined(on: NetworkIntent, number: number, addresses: readonly string[], gatewayPriority = 0): Joined {
  const mac = parseMac(`02:42:ac:12:00:0${number}`);
  const id = idOf(`c${number}`);
  return [on, endpoint({ id, mac, gatewayPriority, addresses: addresses.map((text) => parsePrefix(text)) })];
}

const C1 = joined(BACKEND, 1, ["172.18.0.2/16", "fd00:18::2/64"]);
const C2 = joined(BACKEND, 2, ["172.18.0.3/16", "fd00:18::3/64"]);
const ON_INTERNAL = joined(INTERNAL, 3, ["172.20.0.2/16"]);
const ON_ALPHA = joined(ALPHA, 4, ["172.19.0.2/16"], 1);
const NETWORKS = [BACKEND, ALPHA, INTERNAL].flatMap((on) => driver.networkState(on, NO_MEMBERS).facts);

let kernel: Kernel;
let current: readonly KernelFact[] = [];

async function hold(...facts: (readonly KernelFact[])[]): Promise<void> {
  const wanted = facts.flat();
  await kernel.apply(planChange(current, wanted));
  current = wanted;
}

function json<T>(...command: string[]): T[] {
  const [program = "", ...args] = command;
  const parsed: T[] = JSON.parse(execFileSync(program, args, { encoding: "utf8" }) || "[]");
  return parsed;
}

function inSandbox(name: string, ...command: string[]): string[] {
  return ["nsenter", `--net=${DIRECTORY}/${name}`, ...command];
}

function pings(name: string, address: string): boolean {
  const [program = "", ...args] = inSandbox(name, "busybox", "ping", "-c", "1", "-W", "2", address);
  return spawnSync(program, args, { timeout: 10_000 }).status === 0;
}

before(async () => {
  const links = json<{ ifname: string }>("ip", "-j", "link").map(({ ifname }) => ifname);
  assert.deepEqual(links, ["lo"], "needs a private network namespace: use the test runner");
  mkdirSync(DIRECTORY, { recursive: true });
  kernel = await openKernelThread();
});
after(async () => {
  await hold([]);
  assert.deepEqual(json("ip", "-j", "link").length, 1, "links are left");
  await kernel[Symbol.asyncDispose]();
});

interface Link {
  readonly ifname: string;
  readonly address: string;
  readonly mtu: number;
  readonly addr_info?: readonly { readonly local: string; readonly prefixlen: number; readonly scope: string }[];
}

function addressesOf(links: readonly Link[], name: string): string[] {
  const info = links.find(({ ifname }) => ifname === name)?.addr_info ?? [];
  return info.filter(({ scope }) => scope === "global").map(({ local, prefixlen }) => `${local}/${prefixlen}`);
}

test("a network is a bridge with the gateway's addresses, a MAC of its own and our mark", async () => {
  await hold(NETWORKS);
  const links = json<Link>("ip", "-j", "addr");
  assert.deepEqual(addressesOf(links, "br-1a2b3c4d5e6f"), ["172.18.0.1/16", "fd00:18::1/64"]);
  const bridge = links.find(({ ifname }) => ifname === "br-1a2b3c4d5e6f");
  assert.equal(bridge?.address, "02:42:1a:2b:3c:4d");
  assert.equal(bridge?.mtu, 1400);
  assert.match(execFileSync("ip", ["link", "show", "br-1a2b3c4d5e6f"], { encoding: "utf8" }), /alias causeway:1a2b3c/);
});

test("an endpoint is a port of the bridge and an interface with addresses and a default route in the sandbox", async () => {
  await hold(NETWORKS, sandbox("c1", C1), sandbox("c2", C2));
  const ports = json<{ ifname: string; master?: string }>("bridge", "-j", "link").map(
    ({ ifname, master }) => `${ifname} ${master ?? ""}`,
  );
  assert.deepEqual(ports.sort(), ["vethc100000 br-1a2b3c4d5e6f", "vethc200000 br-1a2b3c4d5e6f"]);
  const links = json<Link>(...inSandbox("c1", "ip", "-j", "addr"));
  assert.deepEqual(links.map(({ ifname }) => ifname).sort(), ["eth0", "lo"]);
  assert.deepEqual(addressesOf(links, "eth0"), ["172.18.0.2/16", "fd00:18::2/64"]);
  const eth0 = links.find(({ ifname }) => ifname === "eth0");
  assert.deepEqual([eth0?.mtu, eth0?.address], [1400, "02:42:ac:12:00:01"]);
  const [route] = json<{ gateway: string; dev: string }>(...inSandbox("c1", "ip", "-j", "route", "show", "default"));
  assert.deepEqual([route?.gateway, route?.dev], ["172.18.0.1", "eth0"]);
});

test("containers of a network reach each other and the host over both families", () => {
  for (const address of ["172.18.0.3", "172.18.0.1", "fd00:18::3", "fd00:18::1"])
    assert.ok(pings("c1", address), address);
});

test("connecting with a higher gateway priority moves the default route, disconnecting moves it back, lo and eth0 stay", async () => {
  const gateway = (): string | undefined =>
    json<{ gateway: string }>(...inSandbox("c1", "ip", "-j", "route", "show", "default"))[0]?.gateway;
  await hold(NETWORKS, sandbox("c1", C1, ON_ALPHA), sandbox("c2", C2));
  assert.equal(gateway(), "172.19.0.1");
  assert.ok(pings("c1", "172.19.0.1"));
  assert.ok(pings("c1", "172.18.0.3"));
  await hold(NETWORKS, sandbox("c1", C1), sandbox("c2", C2));
  assert.equal(gateway(), "172.18.0.1");
  assert.ok(pings("c1", "172.18.0.3"));
});

test("a sandbox on an internal IPv4 network has neither default route nor IPv6 on its interface", async () => {
  await hold(NETWORKS, sandbox("c1", C1), sandbox("c2", C2), sandbox("c3", ON_INTERNAL));
  assert.deepEqual(json(...inSandbox("c3", "ip", "-j", "route", "show", "default")), []);
  const eth0 = json<Link>(...inSandbox("c3", "ip", "-j", "-6", "addr", "show", "dev", "eth0"));
  assert.deepEqual(
    eth0.flatMap(({ addr_info: info }) => info ?? []),
    [],
  );
  assert.ok(pings("c3", "172.20.0.1"));
});
