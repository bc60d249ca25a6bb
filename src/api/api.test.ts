import assert from "node:assert/strict";
import { test } from "node:test";
import { TestServer } from "./fake/test-server.ts";

type Row = readonly [
  method: "GET" | "POST" | "PUT" | "DELETE",
  url: string,
  body: object | string | undefined,
  status: number,
  message: string,
];

const IMAGE = { Image: "busybox" };
const host = (HostConfig: object, more: object = {}): object => ({ ...IMAGE, ...more, HostConfig });
const SWARM =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

/** Statuses and sentences of dockerd, asked of 20.10 or from moby's sources; 501 and their sentences are ours. */
const REFUSALS: readonly Row[] = [
  ["GET", "/foo", undefined, 404, "page not found"],
  ["PUT", "/_ping", undefined, 404, "page not found"],
  ["GET", "/vx/_ping", undefined, 404, "page not found"],
  [
    "GET",
    "/v1.40/networks",
    undefined,
    400,
    "client version 1.40 is too old. Minimum supported API version is 1.41, please upgrade your client to a newer version",
  ],
  ["GET", "/v1.52/networks", undefined, 400, "client version 1.52 is too new. Maximum supported API version is 1.51"],
  ["GET", "/networks/nope", undefined, 404, "network nope not found"],
  [
    "GET",
    "/networks/bridge?verbose=x",
    undefined,
    400,
    'invalid value for verbose: x: strconv.ParseBool: parsing "x": invalid syntax',
  ],
  ["GET", "/networks/bridge?scope=swarm", undefined, 404, "network bridge not found"],
  ["GET", '/networks?filters={"foo":["x"]}', undefined, 400, "invalid filter 'foo'"],
  ["GET", '/networks?filters={"type":["x"]}', undefined, 500, "invalid filter: 'type'='x'"],
  ["DELETE", "/networks/bridge", undefined, 403, "bridge is a pre-defined network and cannot be removed"],
  ["DELETE", "/networks/nope", undefined, 404, "network nope not found"],
  [
    "POST",
    "/networks/create",
    "{x",
    400,
    "invalid JSON: invalid character 'x' looking for beginning of object key string",
  ],
  ["POST", "/networks/create", "", 400, "invalid name: name is empty"],
  ["POST", "/networks/create", { Name: "bridge" }, 403, "operation is not permitted on predefined bridge network "],
  [
    "POST",
    "/networks/create",
    { Name: "n", IPAM: { Config: [{ Subnet: "x", Gateway: "y", AuxiliaryAddresses: { a: "z" } }] } },
    400,
    "invalid network config:\ninvalid subnet x: invalid CIDR block notation\ninvalid gateway y: invalid address\ninvalid auxiliary address z: invalid address",
  ],
  ["POST", "/networks/bridge/connect", { Container: "nope" }, 404, "No such container: nope"],
  [
    "POST",
    "/networks/bridge/connect",
    { Container: "nope", EndpointConfig: { IPAMConfig: { IPv4Address: "x", IPv6Address: "1.2.3.4" } } },
    400,
    "invalid endpoint settings:\ninvalid IPv4 address: x\ninvalid IPv6 address: 1.2.3.4",
  ],
  ["POST", '/networks/prune?filters={"until":["1h","2h"]}', undefined, 400, "more than one until filter specified"],
  ["GET", "/containers/nope/json", undefined, 404, "No such container: nope"],
  ["GET", '/containers/json?filters={"status":["y"]}', undefined, 400, "invalid filter 'status=y'"],
  ["GET", "/containers/json?limit=x", undefined, 400, 'strconv.Atoi: parsing "x": invalid syntax'],
  ["POST", "/containers/create", {}, 400, "config cannot be empty in order to create a container"],
  ["POST", "/containers/create", { Image: "nope" }, 404, "No such image: nope:latest"],
  [
    "POST",
    "/containers/create?name=a%2Fb",
    IMAGE,
    400,
    "Invalid container name (a/b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
  ],
  [
    "POST",
    "/containers/create",
    host({ PortBindings: { "80/tcp": [{ HostPort: "x" }] } }),
    400,
    'invalid port specification: "x"',
  ],
  [
    "POST",
    "/containers/create",
    host({ PortBindings: { "80/tcp": [{ HostPort: "9000-8000" }] } }),
    400,
    'invalid port specification: "9000-8000"',
  ],
  [
    "POST",
    "/containers/create",
    host({ PortBindings: { "80/tcp": [{ HostIp: "300.1.1.1" }] } }),
    400,
    "invalid IP address: 300.1.1.1",
  ],
  [
    "POST",
    "/containers/create",
    host({ PortBindings: { "80/icmp": [] } }),
    400,
    'invalid port specification: "80/icmp"',
  ],
  ["GET", '/containers/json?filters={"publish":["x"]}', undefined, 400, 'invalid filter port: "x"'],
  ["POST", "/containers/create", host({ Devices: [{}] }), 501, "devices (--device) are not implemented yet"],
  [
    "POST",
    "/containers/create",
    host({ SecurityOpt: ["no-new-privileges"] }),
    501,
    "security options (--security-opt) are not implemented yet",
  ],
  [
    "POST",
    "/containers/create",
    host({ NetworkMode: "container:" }),
    400,
    "invalid network mode: invalid container format container:<name|id>",
  ],
  [
    "POST",
    "/containers/create",
    host({ NetworkMode: "container:x" }, { Hostname: "h" }),
    400,
    "conflicting options: hostname and the network mode",
  ],
  [
    "POST",
    "/containers/create",
    host({ NetworkMode: "container:x", Dns: ["1.1.1.1"] }),
    400,
    "conflicting options: dns and the network mode",
  ],
  [
    "POST",
    "/containers/create",
    host({ NetworkMode: "host", Links: ["a"] }),
    400,
    "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
  ],
  [
    "POST",
    "/v1.43/containers/create",
    host({ NetworkMode: "none" }, { MacAddress: "02:42:ac:11:00:02" }),
    400,
    "conflicting options: mac-address and the network mode",
  ],
  [
    "POST",
    "/v1.43/containers/create",
    { ...IMAGE, NetworkingConfig: { EndpointsConfig: { b: {}, a: {} } } },
    400,
    "Container cannot be created with multiple network endpoints: a, b",
  ],
  ["POST", "/containers/create", host({ Binds: ["a:b:c:d"] }), 400, "invalid volume specification: 'a:b:c:d'"],
  [
    "POST",
    "/containers/create",
    host({ Binds: ["/a:b"] }),
    400,
    "invalid volume specification: '/a:b': invalid mount config for type \"bind\": invalid mount path: 'b' mount path must be absolute",
  ],
  ["POST", "/containers/create", host({ Binds: ["/a:/b:x"] }), 400, "invalid mode: x"],
  ["POST", "/containers/create", host({ Binds: ["/a:/b", "/c:/b"] }), 400, "Duplicate mount point: /b"],
  [
    "POST",
    "/containers/create",
    host({ Mounts: [{ Type: "bind", Source: "/nonexistent", Target: "/b" }] }),
    400,
    'invalid mount config for type "bind": bind source path does not exist: /nonexistent',
  ],
  [
    "POST",
    "/containers/create",
    host({ Mounts: [{ Type: "x", Target: "/b" }] }),
    400,
    'invalid mount config for type "x": mount type unknown',
  ],
  [
    "POST",
    "/containers/create",
    host({ Tmpfs: { a: "" } }),
    400,
    "invalid mount path: 'a' mount path must be absolute",
  ],
  ["POST", "/containers/create", host({ ExtraHosts: ["a"] }), 400, 'bad format for add-host: "a"'],
  ["POST", "/containers/create", host({ ExtraHosts: ["a:b"] }), 400, 'invalid IP address in add-host: "b"'],
  ["POST", "/containers/create", host({ Memory: 1000 }), 400, "Minimum memory limit allowed is 6MB"],
  [
    "POST",
    "/containers/create",
    host({ RestartPolicy: { Name: "always" }, AutoRemove: true }),
    400,
    "can't create 'AutoRemove' container with restart policy",
  ],
  ["POST", "/containers/create", { ...IMAGE, Env: ["=x"] }, 400, "invalid environment variable: =x"],
  [
    "POST",
    "/containers/create",
    { ...IMAGE, WorkingDir: "x" },
    400,
    "the working directory 'x' is invalid, it needs to be an absolute path",
  ],
  ["POST", "/containers/create", { ...IMAGE, StopSignal: "zz" }, 400, "invalid signal: zz"],
  ["GET", "/containers/c1/logs", undefined, 400, "Bad parameters: you must choose at least one stream"],
  ["GET", "/containers/c1/logs?stdout=1&since=x", undefined, 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
  ["POST", "/containers/c1/wait?condition=zz", undefined, 400, 'invalid condition: "zz"'],
  ["POST", "/containers/c1/kill?signal=zz", undefined, 400, "Invalid signal: zz"],
  ["POST", "/containers/c1/resize?h=x&w=1", undefined, 400, 'strconv.Atoi: parsing "x": invalid syntax'],
  ["POST", "/containers/c1/attach?detachKeys=zz", undefined, 400, "Invalid detach keys (zz) provided"],
  ["POST", "/containers/c1/rename?name=", undefined, 400, "Neither old nor new names may be empty"],
  ["POST", "/containers/c1/exec", {}, 400, "No exec command specified"],
  [
    "DELETE",
    "/containers/c1",
    undefined,
    409,
    'cannot remove container "/c1": container is running: stop the container before removing or force remove',
  ],
  ["POST", "/containers/c1/update", {}, 501, "updating containers is not implemented yet"],
  ["GET", "/containers/c1/archive?path=/", undefined, 501, "copying files out of containers is not implemented yet"],
  ["POST", "/exec/nope/start", {}, 404, "No such exec instance: nope"],
  ["GET", "/exec/nope/json", undefined, 404, "No such exec instance: nope"],
  ["GET", "/images/nope/json", undefined, 404, "No such image: nope:latest"],
  ["GET", "/images/busybox/nothing", undefined, 404, "page not found"],
  [
    "POST",
    "/images/busybox/tag?repo=Upper",
    undefined,
    400,
    "invalid reference format: repository name (library/Upper) must be lowercase",
  ],
  ["POST", "/images/create?fromSrc=-&changes=FOO%20x", "x", 400, "foo is not a valid change command"],
  ["GET", "/events?since=x", undefined, 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
  ["GET", "/volumes/nope", undefined, 404, "get nope: no such volume"],
  ["GET", "/nodes", undefined, 503, SWARM],
  ["GET", "/services/x", undefined, 503, SWARM],
  ["POST", "/swarm/leave", undefined, 503, "This node is not part of a swarm"],
  [
    "GET",
    "/plugins/privileges?remote=weave",
    undefined,
    501,
    "installing plugins is not implemented; start the plugin yourself: it is found by its socket or its specification file",
  ],
  ["GET", "/plugins/a%2Fweave:1/json", undefined, 404, 'plugin "a/weave:1" not found'],
  ["POST", "/plugins/weave/enable?timeout=30", undefined, 404, 'plugin "weave" not found'],
  ["DELETE", "/plugins/weave", undefined, 404, 'plugin "weave" not found'],
  ["POST", "/build", "x", 501, "building images is not implemented yet"],
  ["POST", "/session", undefined, 501, "building images with BuildKit is not implemented yet"],
];

test("what cannot be is refused with dockerd's status and sentence", async (t) => {
  await using server = await TestServer.start();
  await server.created("/containers/create?name=c1", { ...IMAGE, OpenStdin: true });
  await server.request("POST", "/containers/c1/start");
  for (const [method, url, body, status, message] of REFUSALS) {
    await t.test(`${method} ${url} ${JSON.stringify(body ?? "")}`, async () => {
      const answer = await server.request(method, encodeURI(decodeURI(url)).replaceAll("%252F", "%2F"), body);
      assert.deepEqual({ status: answer.status, body: answer.body }, { status, body: { message } });
      assert.equal(answer.headers["content-type"], "application/json");
    });
  }
});

test("every answer says which API and which server it is", async () => {
  await using server = await TestServer.start();
  for (const url of ["/_ping", "/v1.41/networks", "/foo"]) {
    const { headers } = await server.request("GET", url);
    assert.equal(headers["api-version"], "1.51");
    assert.equal(headers["ostype"], "linux");
    assert.equal(headers["docker-experimental"], "false");
    assert.equal(headers["server"], "Causeway/0.1.0 (linux)");
  }
});

test("a ping has a body for GET and none for HEAD", async () => {
  await using server = await TestServer.start();
  assert.equal((await server.request("GET", "/_ping")).body, "OK");
  const head = await server.request("HEAD", "/_ping");
  assert.equal(head.status, 200);
  assert.equal(head.body, "");
});

test("a body over the limit is refused and the server goes on", async () => {
  await using server = await TestServer.start();
  const answer = await server.request("POST", "/networks/create", `{"Name":"${"x".repeat(10 * 1024 * 1024)}"}`);
  assert.equal(answer.status, 413);
  assert.deepEqual(answer.body, { message: "request body is larger than the limit of 1048576 bytes" });
  assert.equal((await server.request("GET", "/_ping")).status, 200);
});

test("starting what runs and stopping what does not answers 304", async () => {
  await using server = await TestServer.start();
  await server.created("/containers/create?name=c1", { ...IMAGE, OpenStdin: true });
  assert.equal((await server.request("POST", "/containers/c1/stop")).status, 304);
  assert.equal((await server.request("POST", "/containers/c1/start")).status, 204);
  const again = await server.request("POST", "/containers/c1/start");
  assert.deepEqual([again.status, again.body], [304, ""]);
});

test("network lists filter by name, id, driver, label, type and use", async () => {
  await using server = await TestServer.start();
  const id = await server.created("/networks/create", { Name: "backend", Labels: { a: "1" } });
  const names = async (filters: object): Promise<unknown> => {
    const { body } = await server.request("GET", `/networks?filters=${encodeURIComponent(JSON.stringify(filters))}`);
    assert.ok(Array.isArray(body));
    return body.map((network: { readonly Name: string }) => network.Name).sort();
  };
  assert.deepEqual(await names({ name: ["back"] }), ["backend"]);
  assert.deepEqual(await names({ id: [id.slice(0, 12)] }), ["backend"]);
  assert.deepEqual(await names({ driver: ["host", "null"] }), ["host", "none"]);
  assert.deepEqual(await names({ label: ["a=1"] }), ["backend"]);
  assert.deepEqual(await names({ type: ["builtin"] }), ["bridge", "host", "none"]);
  assert.deepEqual(await names({ dangling: ["true"] }), ["backend"]);
  assert.deepEqual(await names({ dangling: ["false"] }), ["bridge", "host", "none"]);
});

test("prunes answer names or null, and end with an event", async () => {
  await using server = await TestServer.start();
  const pruned: string[] = [];
  server.engine.events.subscribe(({ type, action, attributes }) => {
    if (action === "prune") pruned.push(`${type} ${attributes["reclaimed"]}`);
  });
  assert.deepEqual((await server.request("POST", "/networks/prune")).body, { NetworksDeleted: null });
  await server.created("/networks/create", { Name: "n1" });
  assert.deepEqual((await server.request("POST", "/networks/prune")).body, { NetworksDeleted: ["n1"] });
  assert.deepEqual((await server.request("POST", "/containers/prune")).body, {
    ContainersDeleted: null,
    SpaceReclaimed: 0,
  });
  assert.deepEqual((await server.request("POST", "/images/prune")).body, { ImagesDeleted: null, SpaceReclaimed: 0 });
  assert.deepEqual((await server.request("POST", "/volumes/prune")).body, { VolumesDeleted: [], SpaceReclaimed: 0 });
  assert.deepEqual(pruned, ["network 0", "network 0", "container 0", "image 0"]);
});

test("by force an endpoint of a container that is no more is disconnected by its name", async () => {
  await using server = await TestServer.start();
  await server.created("/networks/create", { Name: "n1" });
  const sandbox = await server.engine.networks.createSandbox({
    containerId: "gone",
    hostname: "gone",
    filesDirectory: "/tmp",
    endpoints: [{ network: "n1", name: "ghost" }],
  });
  const ghost = { Container: "ghost", Force: true };
  assert.equal((await server.request("POST", "/networks/n1/disconnect", { ...ghost, Force: false })).status, 404);
  assert.equal((await server.request("POST", "/networks/n1/disconnect", ghost)).status, 200);
  assert.equal(server.engine.networks.findSandbox(sandbox.id)?.endpoints.length, 0);
});
