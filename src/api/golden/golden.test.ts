/**
 * Field names and their order against what dockerd 20.10 (API 1.41) answered for the same objects: a bridge network with a
 * label, and a container of busybox on it. Values differ; what later versions of Docker dropped or added is listed.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { TestServer } from "../fake/test-server.ts";

const GOLDEN: unknown = JSON.parse(readFileSync(new URL("dockerd-20.10.json", import.meta.url), "utf8"));

/** Gone from Docker by API 1.51, or facts of dockerd's own parts (its storage driver, its log drivers, its build), or
 * names of networks. */
const DROPPED = new Set([
  "KernelMemory",
  "KernelMemoryTCP",
  "Container",
  "ContainerConfig",
  "VirtualSize",
  "SizeRootFs",
  "GenericResources",
  "AllowNondistributableArtifactsCIDRs",
  "AllowNondistributableArtifactsHostnames",
  "docker.io",
  "Expected",
  "BuildTime",
  "io.containerd.runtime.v1.linux",
  "Data",
  "bridge",
]);
/** Moved by later versions: their order is not 20.10's. */
const MOVED = new Set(["ConsoleSize", "DriverOpts", "MacAddress", "Ports", "SandboxKey"]);

function field(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.entries(value).find(([name]) => name === key)?.[1]
    : undefined;
}

/** Every path of `golden` must be in `ours`, and common fields in the same order. */
function compare(ours: unknown, golden: unknown, path: string): void {
  if (Array.isArray(golden) && Array.isArray(ours)) {
    if (golden.length > 0 && ours.length > 0) compare(ours[0], golden[0], `${path}[0]`);
    return;
  }
  if (typeof golden !== "object" || golden === null || typeof ours !== "object" || ours === null) return;
  const kept = (keys: readonly string[]): string[] => keys.filter((key) => !MOVED.has(key) && !DROPPED.has(key));
  const expected = Object.keys(golden).filter((key) => !DROPPED.has(key));
  const present = Object.keys(ours);
  const missing = expected.filter((key) => !present.includes(key));
  assert.deepEqual(missing, [], `${path}: missing fields`);
  const common = kept(present).filter((key) => expected.includes(key));
  assert.deepEqual(common, kept(expected), `${path}: order of fields`);
  for (const key of expected) compare(field(ours, key), field(golden, key), `${path}.${key}`);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Maps keyed by ids or names compare by their only member. */
function byOnlyMember(value: unknown): unknown {
  return typeof value === "object" && value !== null ? Object.values(value)[0] : undefined;
}

test("answers have dockerd's fields in dockerd's order", async (t) => {
  await using server = await TestServer.start();
  const subnet = { Subnet: "10.9.0.0/24" };
  await server.created("/networks/create", { Name: "n1", Labels: { a: "b" }, IPAM: { Options: {}, Config: [subnet] } });
  const endpoints = { EndpointsConfig: { n1: {} } };
  const terminal = { Tty: true, OpenStdin: true };
  const create = { Image: "busybox", ...terminal, HostConfig: { NetworkMode: "n1" }, NetworkingConfig: endpoints };
  await server.created("/containers/create?name=c1", create);
  await server.request("POST", "/containers/c1/start");
  const table: readonly (readonly [name: string, url: string])[] = [
    ["containers", "/v1.41/containers/json?all=1"],
    ["disk-usage", "/v1.41/system/df"],
    ["container", "/v1.41/containers/c1/json"],
    ["networks", "/v1.41/networks"],
    ["network", "/v1.41/networks/n1"],
    ["info", "/v1.41/info"],
    ["version", "/v1.41/version"],
    ["images", "/v1.41/images/json"],
    ["image", "/v1.41/images/busybox/json"],
    ["history", "/v1.41/images/busybox/history"],
  ];
  for (const [name, url] of table) {
    await t.test(name, async () => compare(await bodyOf(server, url), prepared(name), name));
  }
  await t.test("an endpoint of a network", async () => {
    const ours = byOnlyMember(field(await bodyOf(server, "/networks/n1"), "Containers"));
    compare(ours, byOnlyMember(field(field(GOLDEN, "network"), "Containers")), "Containers.*");
  });
  await t.test("an endpoint of a container", async () => {
    const networks = field(field(await bodyOf(server, "/v1.41/containers/c1/json"), "NetworkSettings"), "Networks");
    assert.deepEqual(Object.keys(networks ?? {}), ["n1"]);
    const shortId = String(field(await bodyOf(server, "/containers/c1/json"), "Id")).slice(0, 12);
    assert.deepEqual(field(field(networks, "n1"), "Aliases"), [shortId], "before API 1.45");
  });
});

async function bodyOf(server: TestServer, url: string): Promise<unknown> {
  const { status, body } = await server.request("GET", url);
  assert.equal(status, 200, url);
  return body;
}

function prepared(name: string): unknown {
  const golden = structuredClone(field(GOLDEN, name));
  if (name === "network" && isObject(golden)) return { ...golden, Containers: {} };
  return name === "containers" && Array.isArray(golden) ? golden.slice(1) : golden;
}

test("events have dockerd's fields in dockerd's order", async () => {
  await using server = await TestServer.start();
  await server.created("/networks/create", { Name: "n1" });
  await server.created("/containers/create?name=c1", { Image: "busybox" });
  const until = Math.floor(Date.now() / 1000) + 1;
  const { body } = await server.request("GET", `/events?since=1&until=${until}`);
  const ours = String(body)
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  const golden = field(GOLDEN, "events");
  assert.ok(Array.isArray(golden));
  for (const action of ["tag", "create"]) {
    for (const type of ["image", "network", "container"]) {
      const is = (event: unknown): boolean => field(event, "Action") === action && field(event, "Type") === type;
      const expected: unknown = golden.find(is);
      if (expected !== undefined) compare(ours.find(is), expected, `${type} ${action}`);
    }
  }
  const exact = /"timeNano":(\d+)/.exec(String(body))?.[1];
  assert.equal(exact, String(server.engine.events.recent()[0]?.timeNs), "nanoseconds to the digit");
});
