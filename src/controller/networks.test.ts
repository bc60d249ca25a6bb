/** Networks under fakes: every sentence and code that Docker's clients rely on (reference: moby `daemon/network.go`). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../addr/ip-address.ts";
import { formatPrefix, parsePrefix } from "../addr/prefix.ts";
import type { ErrorCode } from "../base/errors.ts";
import type { NetworkSpec } from "./cnm.ts";
import { AmbiguousNetworkError } from "./find-network.ts";
import { FakeParts } from "./testing/fake-parts.ts";

const pool = (subnet: string, more: object = {}) => ({ family: 4, subnet: parsePrefix(subnet), ...more }) as const;

const REFUSED: readonly { readonly spec: NetworkSpec; readonly code: ErrorCode; readonly message: string | RegExp }[] =
  [
    ...["bridge", "host", "none", "default"].map((name) => ({
      spec: { name },
      code: "forbidden" as const,
      message: `operation is not permitted on predefined ${name} network `,
    })),
    { spec: { name: "" }, code: "invalid-argument", message: "invalid name: name is empty" },
    { spec: { name: " \n\t" }, code: "invalid-argument", message: "invalid name: name is empty" },
    { spec: { name: "taken" }, code: "conflict", message: "network with name taken already exists" },
    {
      spec: { name: "h", driver: "host" },
      code: "forbidden",
      message: 'only one instance of "host" network is allowed',
    },
    {
      spec: { name: "n", driver: "null" },
      code: "forbidden",
      message: 'only one instance of "null" network is allowed',
    },
    { spec: { name: "x", driver: "nosuch" }, code: "not-found", message: 'plugin "nosuch" not found' },
    {
      spec: { name: "x", ipam: { pools: [pool("10.99.0.0/16")] } },
      code: "forbidden",
      message: "invalid pool request: Pool overlaps with other one on this address space",
    },
    {
      spec: { name: "x", ipam: { pools: [pool("10.1.2.3/16", { gateway: parseAddress("10.9.0.1") })] } },
      code: "invalid-argument",
      message:
        "invalid network config:\ninvalid subnet 10.1.2.3/16: it should be 10.1.0.0/16\n" +
        "invalid gateway 10.9.0.1: parent subnet 10.1.2.3/16 doesn't contain this address",
    },
    {
      spec: { name: "x", options: { "com.docker.network.enable_ipv6": "maybe" } },
      code: "invalid-argument",
      message: 'driver-opt "com.docker.network.enable_ipv6" is not a valid bool',
    },
    { spec: { name: "x", enableIPv4: false }, code: "invalid-argument", message: "IPv4 or IPv6 must be enabled" },
    { spec: { name: "x", ipam: { driver: "null" } }, code: "invalid-argument", message: "ipv4 pool is empty" },
    { spec: { name: "x", ipam: { driver: "nosuch" } }, code: "not-found", message: 'plugin "nosuch" not found' },
    {
      spec: { name: "x", options: { "com.docker.network.bridge.name": "docker0" } },
      code: "forbidden",
      message:
        /^cannot create network [0-9a-f]{64} \(docker0\): conflicts with network .*networks have same bridge name$/,
    },
    {
      spec: { name: "x", configOnly: true, internal: true },
      code: "forbidden",
      message:
        "configuration network can only contain network specific fields. " +
        "Network operator fields like [ ingress | internal | attachable | scope ] are not supported.",
    },
    {
      spec: { name: "x", configOnly: true, configFrom: "conf" },
      code: "forbidden",
      message: "a configuration network cannot depend on another configuration network",
    },
    {
      spec: { name: "x", configFrom: "nosuch" },
      code: "not-found",
      message: 'configuration network "nosuch" does not exist',
    },
    {
      spec: { name: "x", configFrom: "conf", labels: { a: "b" } },
      code: "forbidden",
      message: "user-specified configurations are not supported if the network depends on a configuration network",
    },
    {
      spec: { name: "x", configFrom: "conf", options: { a: "b" } },
      code: "forbidden",
      message: "network driver options are not supported if the network depends on a configuration network",
    },
  ];

test("a network that cannot be is refused in Docker's words and leaves nothing", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({ name: "taken", ipam: { pools: [pool("10.99.1.0/24")] } });
  await controller.createNetwork({ name: "conf", configOnly: true });
  const before = parts.state();
  for (const { spec, code, message } of REFUSED) {
    await assert.rejects(controller.createNetwork(spec), { code, message }, JSON.stringify(spec.name));
    assert.deepEqual(parts.state(), before);
  }
});

test("bridge, host and none always exist and cannot be removed", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  const shown = controller.networks().map(({ name, driver, scope }) => `${name} ${driver} ${scope}`);
  assert.deepEqual(shown, ["none null local", "host host local", "bridge bridge local"]);
  for (const name of ["bridge", "host", "none"]) {
    const message = `${name} is a pre-defined network and cannot be removed`;
    await assert.rejects(controller.removeNetwork(name), { code: "forbidden", message });
  }
});

test("the default bridge is docker0 at 172.17.0.1/16 with dockerd's options", async () => {
  await using parts = await FakeParts.create();
  const bridge = (await parts.open()).findNetwork("bridge");
  assert.deepEqual(
    bridge.pools.map(({ subnet }) => subnet && formatPrefix(subnet)),
    ["172.17.0.0/16"],
  );
  assert.equal(bridge.options["com.docker.network.bridge.name"], "docker0");
  const addresses = parts.kernel.facts().filter((fact) => fact.kind === "address");
  assert.deepEqual(
    addresses.map(({ link, address }) => `${link} ${formatPrefix(address)}`),
    ["docker0 172.17.0.1/16"],
  );
});

test("a network in use is not removed, and the refusal names who uses it", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({ name: "backend" });
  const { endpoints } = await controller.createSandbox(parts.spec("c1", "backend"));
  const id = endpoints[0]?.endpoint.id.slice(0, 12);
  await assert.rejects(controller.removeNetwork("backend"), {
    code: "forbidden",
    message: `error while removing network: network backend has active endpoints (name:"c1" id:"${id}")`,
  });
});

test("a configuration network serves the networks made from it and is not removed before them", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({
    name: "conf",
    configOnly: true,
    labels: { tier: "db" },
    ipam: { pools: [pool("10.7.0.0/24")] },
  });
  const made = await controller.createNetwork({ name: "made", configFrom: "conf" });
  assert.deepEqual({ labels: made.labels, from: made.configFrom }, { labels: { tier: "db" }, from: "conf" });
  assert.deepEqual(
    made.pools.map(({ subnet }) => subnet && formatPrefix(subnet)),
    ["10.7.0.0/24"],
  );
  await assert.rejects(controller.createSandbox(parts.spec("c1", "conf")), {
    code: "forbidden",
    message: "cannot create endpoint on configuration-only network",
  });
  const message = 'error while removing network: configuration network "conf" is in use';
  await assert.rejects(controller.removeNetwork("conf"), { code: "forbidden", message });
  await controller.removeNetwork("made");
  await controller.removeNetwork("conf");
});

test("a network is found by id, name and unique id prefix, in this order", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  const one = await controller.createNetwork({ name: "one" });
  const other = await controller.createNetwork({ name: one.id.slice(0, 10) });
  assert.equal(controller.findNetwork(one.id).id, one.id);
  assert.equal(controller.findNetwork(one.id.slice(0, 10)).id, other.id);
  assert.equal(controller.findNetwork(one.id.slice(0, 12)).id, one.id);
  assert.throws(() => controller.findNetwork("nosuch"), { code: "not-found", message: "network nosuch not found" });
  assert.throws(() => controller.findNetwork(""), { code: "not-found" });
});

test("an id prefix of several networks is ambiguous and says how many it matches", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  for (let index = 0; index < 16; index++) await controller.createNetwork({ name: `n${index}`, configOnly: true });
  const firsts = controller.networks().map(({ id }) => id.slice(0, 1));
  const shared = firsts.find((digit, index) => firsts.indexOf(digit) !== index) ?? "";
  const matches = firsts.filter((digit) => digit === shared).length;
  assert.throws(
    () => controller.findNetwork(shared),
    (error) => error instanceof AmbiguousNetworkError && error.matches === matches && error.code === "invalid-argument",
  );
});

test("names with newlines, quotes, dots and of prototypes are legal", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  for (const name of ["a\nb", 'q"q', "a.b", "__proto__", "container:x", "ü", "'; rm -rf /"]) {
    const { id } = await controller.createNetwork({ name, configOnly: true, labels: { __proto__x: name } });
    assert.equal(controller.findNetwork(name).id, id);
  }
  const reopened = await parts.open();
  assert.equal(reopened.findNetwork("a\nb").name, "a\nb");
});

test("two creations of one name at once give one network", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  const results = await Promise.allSettled([1, 2, 3].map(() => controller.createNetwork({ name: "twin" })));
  assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected", "rejected"]);
});

test("creation and removal are told as events with name and type", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  const { id } = await controller.createNetwork({ name: "shop" });
  await controller.removeNetwork("shop");
  assert.deepEqual(
    parts.events.map(({ type, action, actorId, attributes }) => ({ type, action, actorId, attributes })),
    ["create", "destroy"].map((action) => ({
      type: "network",
      action,
      actorId: id,
      attributes: { name: "shop", type: "bridge" },
    })),
  );
});

test("when the default pools are used up Docker's sentence says so", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  for (let index = 0; index < 30; index++) await controller.createNetwork({ name: `n${index}` });
  await assert.rejects(controller.createNetwork({ name: "last" }), {
    code: "invalid-argument",
    message: "all predefined address pools have been fully subnetted",
  });
});
