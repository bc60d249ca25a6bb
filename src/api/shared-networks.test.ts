/** Networks that several hosts share, as Docker's API and command line show them: their scope, and who else is on them. */
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { parseAddress } from "../addr/ip-address.ts";
import { parseMac } from "../addr/mac-address.ts";
import { parsePrefix } from "../addr/prefix.ts";
import type { PeerIntent } from "../drivers/intent.ts";
import { TestServer } from "./fake/test-server.ts";

const run = promisify(execFile);
const needsDocker = spawnSync("docker", ["--version"]).status === 0 ? false : "needs the docker CLI";

const HOST_A = { store: "etcd://10.0.0.9:2379", hostName: "host-a", address: parseAddress("10.0.0.1"), port: 2376 };

interface Shared extends AsyncDisposable {
  readonly server: TestServer;
  readonly networkId: string;
  readonly containerId: string;
}

/** A container of ours and one of another host's on an overlay. */
async function openShared(): Promise<Shared> {
  const server = await TestServer.start({ cluster: { ...HOST_A, status: () => ({ state: "connected" }) } });
  const networkId = await server.created("/networks/create", { Name: "shop", Driver: "overlay" });
  const containerId = await server.created("/containers/create?name=c1", {
    Image: "busybox",
    Cmd: ["sleep", "100"],
    HostConfig: { NetworkMode: "shop" },
  });
  await server.request("POST", `/containers/${containerId}/start`);
  server.engine.networks.others = [peer(networkId)];
  return { server, networkId, containerId, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

function peer(networkId: string): PeerIntent {
  return {
    id: "5".repeat(64),
    networkId,
    name: "c2",
    mac: parseMac("02:42:ac:14:00:09"),
    addresses: [parsePrefix("172.20.0.9/16")],
    dnsNames: ["c2"],
    hostAddress: parseAddress("10.0.0.2"),
    hostName: "host-b",
  };
}

async function inspect({ server, networkId }: Shared): Promise<ReadonlyMap<string, unknown>> {
  const { body } = await server.request("GET", `/networks/${networkId}`);
  assert.ok(typeof body === "object" && body !== null);
  return new Map(Object.entries(body));
}

test("inspect shows the endpoints of other hosts beside our containers, and the hosts", async () => {
  await using shared = await openShared();
  const shown = await inspect(shared);
  assert.deepEqual([shown.get("Driver"), shown.get("Scope")], ["overlay", "global"]);
  assert.deepEqual(shown.get("Peers"), [
    { Name: "host-a", IP: "10.0.0.1" },
    { Name: "host-b", IP: "10.0.0.2" },
  ]);
  const containers = new Map(Object.entries(shown.get("Containers") ?? {}));
  assert.deepEqual([...containers.keys()].sort(), [shared.containerId, `ep-${"5".repeat(64)}`].sort());
  assert.deepEqual(containers.get(`ep-${"5".repeat(64)}`), {
    Name: "c2",
    EndpointID: "5".repeat(64),
    MacAddress: "02:42:ac:14:00:09",
    IPv4Address: "172.20.0.9/16",
    IPv6Address: "",
  });
});

test("a host that has no endpoint on the network is none of its hosts", async () => {
  await using shared = await openShared();
  await shared.server.request("DELETE", `/containers/${shared.containerId}?force=1`);
  assert.deepEqual((await inspect(shared)).get("Peers"), [{ Name: "host-b", IP: "10.0.0.2" }]);
  shared.server.engine.networks.others = [];
  assert.ok(!(await inspect(shared)).has("Peers"));
});

test("a network of this host alone has no hosts", async () => {
  await using shared = await openShared();
  const { body } = await shared.server.request("GET", "/networks/bridge");
  assert.ok(typeof body === "object" && body !== null && !("Peers" in body));
});

test("a network that is used on another host is not dangling, and not pruned", async () => {
  await using shared = await openShared();
  const { server } = shared;
  await server.request("DELETE", `/containers/${shared.containerId}?force=1`);
  const dangling = `/networks?filters=${encodeURIComponent('{"dangling":["true"]}')}`;
  assert.deepEqual((await server.request("GET", dangling)).body, []);
  assert.deepEqual((await server.request("POST", "/networks/prune")).body, { NetworksDeleted: null });
  server.engine.networks.others = [];
  assert.deepEqual((await server.request("POST", "/networks/prune")).body, { NetworksDeleted: ["shop"] });
});

test("docker finds it by scope and driver, and prints its hosts", { skip: needsDocker }, async () => {
  await using shared = await openShared();
  const env = { ...process.env, DOCKER_HOST: shared.server.dockerHost, DOCKER_CONFIG: "/nonexistent" };
  const docker = async (...args: string[]): Promise<string> =>
    (await run("docker", args, { env, timeout: 10_000 })).stdout.trim();
  const format = ["--format", "{{.Name}} {{.Driver}} {{.Scope}}"];
  assert.equal(await docker("network", "ls", "--filter", "scope=global", ...format), "shop overlay global");
  assert.equal(await docker("network", "ls", "--filter", "driver=overlay", ...format), "shop overlay global");
  assert.equal(await docker("network", "ls", "-q", "--filter", "scope=swarm"), "");
  const peers = "{{range .Peers}}{{.Name}}={{.IP}} {{end}}";
  assert.equal(await docker("network", "inspect", "-f", peers, "shop"), "host-a=10.0.0.1 host-b=10.0.0.2");
});
