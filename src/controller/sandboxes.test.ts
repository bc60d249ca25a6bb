/** Sandboxes and endpoints under fakes: what they get, what they are refused, and what is left when they go. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { formatAddress, parseAddress } from "../addr/ip-address.ts";
import { formatPrefix, parsePrefix } from "../addr/prefix.ts";
import type { ErrorCode } from "../base/errors.ts";
import type { EndpointSpec, SandboxView } from "./cnm.ts";
import { FakeParts } from "./testing/fake-parts.ts";

const pool = (subnet: string, more: object = {}) => ({ family: 4, subnet: parsePrefix(subnet), ...more }) as const;

/** "eth0 on backend 172.18.0.2/16" per endpoint. */
function shown({ endpoints }: SandboxView): readonly string[] {
  return endpoints.map(({ endpoint, network }) => {
    const addresses = endpoint.addresses.map(formatPrefix).join(" ");
    return `${endpoint.attachment?.interfaceName} on ${network.name} ${addresses}`.trim();
  });
}

function defaultRoutes(parts: FakeParts): readonly string[] {
  const routes = parts.kernel.facts().filter((fact) => fact.kind === "route");
  return routes.map(({ gateway, link }) => `${gateway === undefined ? "-" : formatAddress(gateway)} ${link}`);
}

const ENDPOINTS_REFUSED: readonly {
  readonly wish: Omit<EndpointSpec, "name"> & { readonly name?: string };
  readonly code: ErrorCode;
  readonly message: string;
}[] = [
  { wish: { network: "nosuch" }, code: "not-found", message: "network nosuch not found" },
  {
    wish: { network: "bridge", ipv4Address: parseAddress("172.17.0.9") },
    code: "invalid-argument",
    message: "invalid endpoint settings:\nuser-specified IP address is supported on user-defined networks only",
  },
  {
    wish: { network: "backend", ipv4Address: parseAddress("10.1.1.1") },
    code: "invalid-argument",
    message: "invalid endpoint settings:\nno configured subnet contains IP address 10.1.1.1",
  },
  {
    wish: {
      network: "backend",
      ipv4Address: parseAddress("10.1.1.1"),
      options: { "com.docker.network.endpoint.sysctls": "kernel.x=1" },
    },
    code: "invalid-argument",
    message:
      "invalid endpoint settings:\n* no configured subnet contains IP address 10.1.1.1\n" +
      "* unrecognised network interface sysctl 'kernel.x=1'; represent 'net.X.Y.ethN.Z=V' as " +
      "'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'",
  },
  {
    wish: { network: "backend", ipv4Address: parseAddress("172.18.0.2") },
    code: "forbidden",
    message: "Address already in use",
  },
  {
    wish: { network: "backend", name: "c1" },
    code: "forbidden",
    message: "endpoint with name c1 already exists in network backend",
  },
  {
    wish: { network: "tiny" },
    code: "internal",
    message: "no available IPv4 addresses on this network's address pools: tiny (TINY)",
  },
];

test("an endpoint that cannot be is refused in Docker's words and leaves nothing", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({ name: "backend" });
  const tiny = await controller.createNetwork({ name: "tiny", ipam: { pools: [pool("10.0.0.0/30")] } });
  await controller.createNetwork({ name: "frontend" });
  await controller.createSandbox(parts.spec("c1", "backend", "tiny"));
  const c2 = await controller.createSandbox(parts.spec("c2", "frontend"));
  const before = parts.state();
  for (const { wish, code, message: text } of ENDPOINTS_REFUSED) {
    const message = text.replace("TINY", tiny.id);
    const spec = { ...parts.spec("c3"), endpoints: [{ name: "c3", ...wish }] };
    await assert.rejects(controller.createSandbox(spec), { code, message });
    assert.deepEqual(parts.state(), before);
    await assert.rejects(controller.connect(c2.id, { name: "c2", ...wish }), { code, message });
    assert.deepEqual(parts.state(), before);
  }
});

test("host and none stand alone", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({ name: "backend" });
  const [host, none, plain] = await Promise.all([
    controller.createSandbox(parts.spec("h", "host")),
    controller.createSandbox(parts.spec("n", "none")),
    controller.createSandbox(parts.spec("p", "backend")),
  ]);
  const refused = (id: string, network: string, message: string) =>
    assert.rejects(controller.connect(id, { network, name: "x" }), { code: "invalid-argument", message });
  await refused(
    host.id,
    "backend",
    "container sharing network namespace with another container or host cannot be connected to any other network",
  );
  await refused(
    plain.id,
    "host",
    "cannot connect container to host network - container must be created in host network mode",
  );
  const company = "container cannot be connected to multiple networks with one of the networks in private (none) mode";
  await refused(plain.id, "none", company);
  await refused(none.id, "backend", company);
  await assert.rejects(controller.disconnect(host.endpoints[0]?.endpoint.id ?? ""), {
    code: "invalid-argument",
    message: "cannot disconnect container from host network - container was created in host network mode",
  });
  assert.equal(host.hostNamespace, true);
  assert.deepEqual([shown(none), shown(host)], [["on none"], ["on host"]]);
});

test("interfaces are numbered in gateway order whatever order was asked", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({ name: "zebra" });
  await controller.createNetwork({ name: "ape" });
  await controller.createNetwork({ name: "inner", internal: true });
  const first = await controller.createSandbox(parts.spec("c1", "inner", "zebra", "ape"));
  const second = await controller.createSandbox(parts.spec("c2", "zebra", "ape", "inner"));
  const names = (view: SandboxView): readonly string[] => shown(view).map((line) => line.replace(/ [^ ]*$/, ""));
  assert.deepEqual(names(first), ["eth0 on ape", "eth1 on zebra", "eth2 on inner"]);
  assert.deepEqual(names(second), names(first));
});

test("an interface name that was asked for is kept free for whoever asked", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({ name: "ape" });
  await controller.createNetwork({ name: "zebra" });
  const options = { "com.docker.network.endpoint.ifname": "eth0" };
  const view = await controller.createSandbox(parts.spec("c1", "ape", { network: "zebra", options }));
  assert.deepEqual(
    shown(view).map((line) => line.split(" ").slice(0, 3).join(" ")),
    ["eth1 on ape", "eth0 on zebra"],
  );
});

test("connect and disconnect move the default route to whoever is first in gateway order", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({ name: "b-net" });
  await controller.createNetwork({ name: "a-net" });
  const { id } = await controller.createSandbox(parts.spec("c1", "b-net"));
  assert.deepEqual(defaultRoutes(parts), ["172.18.0.1 eth0"]);
  const endpoint = await controller.connect(id, { network: "a-net", name: "c1" });
  assert.deepEqual(defaultRoutes(parts), ["172.19.0.1 eth1"]);
  await controller.disconnect(endpoint.id);
  assert.deepEqual(defaultRoutes(parts), ["172.18.0.1 eth0"]);
  await controller.connect(id, { network: "a-net", name: "c1", gatewayPriority: -1 });
  assert.deepEqual(defaultRoutes(parts), ["172.18.0.1 eth0"]);
});

test("all endpoints of a new sandbox are made in one kernel batch", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  for (const name of ["n1", "n2", "n3"]) await controller.createNetwork({ name });
  let batches = 0;
  const { kernel } = parts;
  const apply = kernel.apply.bind(kernel);
  kernel.apply = async (steps) => {
    batches++;
    await apply(steps);
  };
  await controller.createSandbox(parts.spec("c1", "n1", "n2", "n3"));
  assert.equal(batches, 1);
});

test("names are known on user-defined networks only, and the resolver comes with the first of these", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  const backend = await controller.createNetwork({ name: "backend" });
  const { id } = await controller.createSandbox(parts.spec("c1", "bridge"));
  const redirects = () => parts.firewall.policies().filter(({ kind }) => kind === "dns-redirect").length;
  const resolvConf = () => readFile(join(parts.directory, "resolv.conf"), "utf8");
  assert.deepEqual([parts.dns.served.size, redirects()], [0, 0]);

  const endpoint = await controller.connect(id, { network: "backend", name: "c1", dnsNames: ["c1", "web", "c1"] });
  assert.deepEqual([parts.dns.served.size, redirects()], [1, 1]);
  assert.match(await resolvConf(), /^nameserver 127\.0\.0\.11$/m);
  assert.deepEqual(parts.dns.endpoints.get(endpoint.id), {
    id: endpoint.id,
    networkId: backend.id,
    names: ["c1", "web"],
    addresses: [parseAddress("172.18.0.2")],
  });
  await controller.renameEndpoints(id, "c9", ["c9"]);
  assert.deepEqual(parts.dns.endpoints.get(endpoint.id)?.names, ["c9"]);
  await controller.disconnect(endpoint.id);
  assert.equal(parts.dns.endpoints.has(endpoint.id), false);
  await controller.removeSandbox(id);
  assert.deepEqual([parts.dns.served.size, redirects()], [0, 0]);
});

test("a sandbox on internal networks only has no way out for its queries", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({ name: "vault", internal: true });
  await controller.createNetwork({ name: "open" });
  const { id } = await controller.createSandbox(parts.spec("c1", "vault"));
  const external = () => parts.dns.sandboxes.get(id)?.external;
  assert.equal(external(), false);
  const endpoint = await controller.connect(id, { network: "open", name: "c1" });
  assert.equal(external(), true);
  await controller.disconnect(endpoint.id);
  assert.equal(external(), false);
});

test("hosts names the sandbox at each of its addresses, and connect and disconnect follow", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.createNetwork({ name: "backend" });
  await controller.createNetwork({ name: "frontend" });
  const extraHosts = [{ name: "gw", address: "host-gateway" }] as const;
  const { id } = await controller.createSandbox({ ...parts.spec("c1", "backend"), extraHosts });
  const lines = async () => {
    const text = await readFile(join(parts.directory, "hosts"), "utf8");
    return text.split("\n").filter((line) => line.startsWith("172."));
  };
  assert.deepEqual(await lines(), ["172.17.0.1\tgw", "172.18.0.2\tc1"]);
  const endpoint = await controller.connect(id, { network: "frontend", name: "c1" });
  assert.deepEqual(await lines(), ["172.17.0.1\tgw", "172.18.0.2\tc1", "172.19.0.2\tc1"]);
  await controller.disconnect(endpoint.id);
  assert.deepEqual(await lines(), ["172.17.0.1\tgw", "172.18.0.2\tc1"]);
});

test("connect and disconnect are told as events with the container, the network's name and type", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  const { id } = await controller.createSandbox(parts.spec("c1", "bridge"));
  await controller.removeSandbox(id);
  assert.deepEqual(
    parts.events.map(({ action, attributes }) => ({ action, attributes })),
    ["connect", "disconnect"].map((action) => ({
      action,
      attributes: { container: "c1", name: "bridge", type: "bridge" },
    })),
  );
});

test("removing accepts absence, and a released address is free at once", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  await controller.removeSandbox("nosuch");
  await assert.rejects(controller.disconnect("nosuch"), { code: "not-found" });
  for (let round = 0; round < 3; round++) {
    const view = await controller.createSandbox(parts.spec("c1", "bridge"));
    assert.deepEqual(shown(view), ["eth0 on bridge 172.17.0.2/16"]);
    await controller.removeSandbox(view.id);
  }
});

test("a removal that the kernel refused can be asked again until nothing is left", async () => {
  await using parts = await FakeParts.create();
  const controller = await parts.open();
  const empty = parts.state();
  const { id } = await controller.createSandbox(parts.spec("c1", "bridge"));
  parts.kernel.failAtStep(1);
  await assert.rejects(controller.removeSandbox(id), /remove sandbox of container c1: .*told to fail/);
  assert.notEqual(controller.findSandbox(id), undefined);
  await controller.removeSandbox(id);
  assert.deepEqual(parts.state(), empty);
});
