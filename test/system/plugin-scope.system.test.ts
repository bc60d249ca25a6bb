/** What a third party's plugin declares of itself, and what it is told late, under the real docker CLI; IPv6 all the way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HANDLED, type Script, type ScriptedPlugin } from "../../src/drivers/remote/testing/scripted-plugin.ts";
import { TestDaemon } from "../support/daemon.ts";
import { DockerLines } from "../support/docker-lines.ts";
import { until } from "../support/wait.ts";
import { startVethPlugin } from "../support/veth-plugin.ts";

const declares = (capabilities: object): Record<string, Script> => ({
  "NetworkDriver.GetCapabilities": () => capabilities,
});

function asked(plugin: ScriptedPlugin, method: string): readonly unknown[] {
  return plugin.calls.filter((call) => call.method === `NetworkDriver.${method}`).map(({ request }) => request);
}

test("without a cluster a network of scope global is this host's, and shown with its scope", async () => {
  await using daemon = await TestDaemon.start();
  await using plugin = await startVethPlugin("wide", { givesGateway: true });
  Object.assign(plugin.scripts, declares({ Scope: "global" }));
  const docker = new DockerLines(daemon);
  await docker.ok("network create -d wide net");
  await docker.ok("network create -d wide --scope global --subnet 10.61.0.0/24 other");
  const line = "network ls --filter scope=global --format '{{.Name}} {{.Driver}} {{.Scope}}'";
  assert.deepEqual((await docker.ok(line)).split("\n").sort(), ["net wide global", "other wide global"]);
  assert.match(
    await docker.fails("network create -d wide --scope local x"),
    /^Error response from daemon: cannot downgrade network scope for wide networks/,
  );
  assert.match(JSON.stringify(asked(plugin, "CreateNetwork")), /"AddressSpace":"GlobalDefault"/);
  await docker.importBusybox();
  await docker.ok("run --rm --network net busybox ip addr show eth0");
  await daemon.stop("SIGKILL");
  await daemon.start();
  await docker.ok("run --rm --network net busybox ip addr show eth0");
  for (const name of ["net", "other"]) await docker.ok(`network rm ${name}`);
  assert.equal(asked(plugin, "DeleteNetwork").length, 2);
});

test("a mistyped driver is refused as dockerd refuses it, and keeps nobody waiting", async () => {
  await using daemon = await TestDaemon.start();
  const docker = new DockerLines(daemon);
  let isRefused = false;
  const mistyped = docker.fails("network create -d nosuch x").finally(() => (isRefused = true));
  await until("it is looked for", () => daemon.log.includes("Unable to locate plugin: nosuch"));
  await docker.ok("network create x");
  await docker.ok("network ls");
  await docker.ok("network rm x");
  assert.equal(isRefused, false, "others have not waited for it");
  assert.equal(await mistyped, 'Error response from daemon: plugin "nosuch" not found');
});

test("a plugin that needs no gateway is asked first, and inspect shows none", async () => {
  await using daemon = await TestDaemon.start();
  await using plugin = await startVethPlugin("bare", { givesGateway: false });
  const own: Record<string, Script> = {
    ...declares({ Scope: "local", GwAllocChecker: true }),
    "NetworkDriver.GwAllocCheck": () => ({ SkipIPv4: true }),
    "NetworkDriver.CreateNetwork": () => ({}),
    "NetworkDriver.DeleteNetwork": () => ({}),
  };
  Object.assign(plugin.scripts, own);
  const docker = new DockerLines(daemon);
  await docker.ok("network create -d bare --subnet 10.62.0.0/24 -o k=v net");
  assert.equal(await docker.ok("network inspect -f '{{json .IPAM.Config}}' net"), '[{"Subnet":"10.62.0.0/24"}]');
  const Options = { "com.docker.network.enable_ipv6": false, "com.docker.network.generic": { k: "v" } };
  assert.deepEqual(asked(plugin, "GwAllocCheck"), [{ Options }]);
  await docker.ok("network create -d bare --subnet 10.63.0.0/24 --gateway 10.63.0.9 asked");
  assert.match(await docker.ok("network inspect -f '{{json .IPAM.Config}}' asked"), /"Gateway":"10\.63\.0\.9"/);
  for (const name of ["net", "asked"]) await docker.ok(`network rm ${name}`);
});

test("a removal that a killed daemon never finished is told to the plugin once the daemon and it are back", async () => {
  await using daemon = await TestDaemon.start();
  await using plugin = await startVethPlugin("held", { givesGateway: true });
  const docker = new DockerLines(daemon);
  await docker.ok("network create -d held net");
  const id = await docker.ok("network inspect -f {{.Id}} net");
  const remove = plugin.scripts["NetworkDriver.DeleteNetwork"];
  assert.ok(remove !== undefined);
  plugin.scripts["NetworkDriver.DeleteNetwork"] = () => HANDLED;
  const removal = docker.fails("network rm net");
  await until("the plugin is asked", () => asked(plugin, "DeleteNetwork").length > 0);
  await daemon.stop("SIGKILL");
  await removal;
  await plugin.stop();
  plugin.calls.length = 0;
  plugin.scripts["NetworkDriver.DeleteNetwork"] = remove;
  await daemon.start();
  assert.equal(await docker.does("network inspect net"), false);
  await until("it is looked for", () => daemon.log.includes("Unable to locate plugin: held"));
  await plugin.listen();
  await until("the plugin is told", () => asked(plugin, "DeleteNetwork").length > 0, 30_000);
  assert.deepEqual(asked(plugin, "DeleteNetwork"), [{ NetworkID: id }]);
});

const SIX: Record<string, Script> = {
  "NetworkDriver.CreateEndpoint": () => ({ Interface: { MacAddress: "02:50:00:00:00:09" } }),
  "IpamDriver.RequestPool": ({ V6 }: { V6: boolean }) =>
    V6 ? { PoolID: "p6", Pool: "fd50::/64" } : { PoolID: "p4", Pool: "10.50.0.0/24" },
  "IpamDriver.RequestAddress": ({ PoolID, Options }: { PoolID: string; Options: Record<string, string> }) => {
    const last = Options["RequestAddressType"] === undefined ? "9" : "1";
    return { Address: PoolID === "p6" ? `fd50::${last}/64` : `10.50.0.${last}/24` };
  },
};

test("IPv6: pools, addresses, gateway and static routes go to the plugin and come into the container", async () => {
  await using daemon = await TestDaemon.start();
  await using plugin = await startVethPlugin("six", { givesGateway: true });
  const join = plugin.scripts["NetworkDriver.Join"];
  assert.ok(join !== undefined);
  Object.assign(plugin.scripts, SIX, {
    "NetworkDriver.Join": (...args: Parameters<Script>) => ({
      ...Object(join(...args)),
      GatewayIPv6: "fd50::1",
      StaticRoutes: [
        { Destination: "fd77::/64", RouteType: 0, NextHop: "fd50::7" },
        { Destination: "fd88::/64", RouteType: 1 },
      ],
    }),
  });
  const docker = new DockerLines(daemon);
  await docker.importBusybox();
  await docker.ok("network create -d six --ipam-driver six --ipv6 net");
  const { IPv6Data, Options } = Object(asked(plugin, "CreateNetwork")[0]);
  assert.deepEqual(IPv6Data, [{ AddressSpace: "L", Pool: "fd50::/64", Gateway: "fd50::1/64" }]);
  assert.equal(Object(Options)["com.docker.network.enable_ipv6"], true);
  assert.match(
    await docker.ok("network inspect -f '{{json .IPAM.Config}}' net"),
    /"Subnet":"fd50::\/64","Gateway":"fd50::1"/,
  );
  await docker.ok("run -d --name c1 --network net busybox sleep 1000");
  const [made] = asked(plugin, "CreateEndpoint").map((request) => Object(request)["Interface"] as unknown);
  assert.deepEqual(made, { Address: "10.50.0.9/24", AddressIPv6: "fd50::9/64", MacAddress: "" });
  assert.match(await docker.ok("exec c1 ip addr show eth0"), /inet6 fd50::9\/64 /);
  assert.match(await docker.ok("exec c1 ip link show eth0"), /02:50:00:00:00:09/);
  const routes = await docker.ok("exec c1 ip -6 route");
  for (const route of [
    /^default via fd50::1 dev eth0/m,
    /^fd77::\/64 via fd50::7 dev eth0/m,
    /^fd88::\/64 dev eth0/m,
  ]) {
    assert.match(routes, route);
  }
  const shown =
    "inspect -f '{{with .NetworkSettings.Networks.net}}{{.GlobalIPv6Address}} {{.IPv6Gateway}} {{.MacAddress}}{{end}}' c1";
  assert.equal(await docker.ok(shown), "fd50::9 fd50::1 02:50:00:00:00:09");
  await daemon.stop("SIGKILL");
  await daemon.start();
  await docker.ok("rm -f c1");
  await docker.ok("network rm net");
  const released = plugin.calls.filter(({ method }) => method === "IpamDriver.ReleaseAddress");
  assert.match(JSON.stringify(released), /fd50::9/);
});
