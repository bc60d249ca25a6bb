import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../addr/ip-address.ts";
import { parseMac } from "../../addr/mac-address.ts";
import { decodeDocument } from "../schema/decoder.ts";
import { ContainerCreateBody } from "../schema/container-bodies.ts";
import { createSpec } from "./create-spec.ts";

function create(document: object, minor = 50, image = {}) {
  const request = decodeDocument(ContainerCreateBody, { Image: "busybox", ...document });
  return createSpec({ request, name: "", minor, image });
}

test("the network of the mode comes first, with the settings given for it", () => {
  const { spec } = create({
    HostConfig: { NetworkMode: "backend" },
    NetworkingConfig: {
      EndpointsConfig: {
        frontend: {},
        backend: { Aliases: ["db"], IPAMConfig: { IPv4Address: "172.18.0.9" }, GwPriority: 7, DriverOpts: { a: "b" } },
      },
    },
  });
  assert.deepEqual(spec.network, { kind: "network", name: "backend" });
  assert.deepEqual(Object.keys(spec.endpoints), ["backend", "frontend"]);
  const settings = {
    aliases: ["db"],
    ipv4Address: parseAddress("172.18.0.9"),
    gatewayPriority: 7,
    options: { a: "b" },
  };
  assert.deepEqual({ ...spec.endpoints["backend"] }, settings);
});

test("the default mode is the default bridge, also under its alias", () => {
  const { spec } = create({ NetworkingConfig: { EndpointsConfig: { default: { Aliases: ["x"] } } } });
  assert.deepEqual(spec.network, { kind: "network", name: "bridge" });
  assert.deepEqual(spec.endpoints, { bridge: { aliases: ["x"] } });
});

test("host, none and container modes are modes of their own", () => {
  assert.deepEqual(create({ HostConfig: { NetworkMode: "host" } }).spec.network, { kind: "host" });
  assert.deepEqual(create({ HostConfig: { NetworkMode: "none" } }).spec.endpoints, { none: {} });
  const shared = create({ HostConfig: { NetworkMode: "container:c1" } }).spec;
  assert.deepEqual(shared.network, { kind: "container", reference: "c1" });
  assert.deepEqual(shared.endpoints, {});
  assert.deepEqual(create({ NetworkDisabled: true }).spec.network, { kind: "none" });
});

test("a container-wide MAC address goes to the main network, with a warning from API 1.44", () => {
  const old = create({ MacAddress: "02:42:ac:11:00:09" }, 43);
  assert.deepEqual(old.spec.endpoints["bridge"]?.mac, parseMac("02:42:ac:11:00:09"));
  assert.deepEqual(old.warnings, []);
  const now = create({ MacAddress: "02:42:ac:11:00:09" }, 44);
  assert.match(now.warnings.join(), /container-wide MacAddress field is now deprecated/);
  const endpoint = { EndpointsConfig: { bridge: { MacAddress: "02:42:ac:11:00:01" } } };
  assert.throws(
    () => create({ MacAddress: "02:42:ac:11:00:09", NetworkingConfig: endpoint }),
    /container-wide MAC address must match/,
  );
});

test("gateway priorities are ignored before API 1.48", () => {
  const document = { NetworkingConfig: { EndpointsConfig: { bridge: { GwPriority: 1 } } } };
  assert.deepEqual(create(document, 47).spec.endpoints, { bridge: {} });
});

test("links on a user-defined network become private aliases there; on the default bridge they are links", () => {
  const links = create({ HostConfig: { NetworkMode: "backend", Links: ["c1:db"] } }).spec.endpoints;
  assert.deepEqual(links, { backend: { links: ["c1:db"] } });
  const { spec } = create({ HostConfig: { Links: ["c1:db", "c2", "/c3:/p/x"] } });
  assert.deepEqual(spec.endpoints, { bridge: {} });
  assert.deepEqual(
    spec.links?.map(({ name, alias }) => `${name} as ${alias}`),
    ["c1 as db", "c2 as c2", "c3 as x"],
  );
  assert.throws(() => create({ HostConfig: { Links: ["a:b:c"] } }), /bad format for links: a:b:c/);
});

test("port bindings become requests: addresses, ranges, free choice, sorted by the container's port", () => {
  const PortBindings = {
    "90/tcp": [{ HostIp: "[::1]", HostPort: "9000-9010" }],
    "80": [{ HostPort: "8080" }, { HostIp: "127.0.0.1", HostPort: "0" }],
    "53/UDP": [],
  };
  const { spec } = create({ ExposedPorts: { "99/tcp": {} }, HostConfig: { PortBindings, PublishAllPorts: true } });
  assert.deepEqual([...spec.exposedPorts].sort(), ["53/udp", "80/tcp", "90/tcp", "99/tcp"]);
  assert.deepEqual(spec.publish, {
    allExposed: true,
    ports: [
      { protocol: "udp", containerPort: 53 },
      { protocol: "tcp", containerPort: 80, hostPorts: { first: 8080, last: 8080 } },
      { protocol: "tcp", containerPort: 80, hostAddress: parseAddress("127.0.0.1") },
      { protocol: "tcp", containerPort: 90, hostAddress: parseAddress("::1"), hostPorts: { first: 9000, last: 9010 } },
    ],
  });
});

test("published ports are discarded with a warning in host mode only", () => {
  const PortBindings = { "80/tcp": [{ HostPort: "8080" }] };
  const { spec, warnings } = create({ HostConfig: { NetworkMode: "host", PortBindings } });
  assert.deepEqual(warnings, ["Published ports are discarded when using host network mode"]);
  assert.deepEqual(spec.exposedPorts, ["80/tcp"]);
});

test("mounts keep their mode and propagation", () => {
  const Binds = ["/tmp:/a/../b:ro,rshared", "data:/data", "/anonymous"];
  const Mounts = [{ Type: "tmpfs", Target: "/t" }];
  const { spec } = create({ HostConfig: { Binds, Mounts }, Volumes: { "/data": {}, "/v": {} } });
  const anonymous = (source: string): string => (/^[0-9a-f]{64}$/.test(source) ? "an id" : source);
  assert.deepEqual(
    spec.mounts.map((mount) => ({ ...mount, source: anonymous(mount.source) })),
    [
      { type: "bind", source: "/tmp", target: "/b", readOnly: true, propagation: "rshared" },
      { type: "volume", source: "data", target: "/data", readOnly: false },
      { type: "volume", source: "an id", target: "/anonymous", readOnly: false },
      { type: "tmpfs", source: "", target: "/t", readOnly: false },
      { type: "volume", source: "an id", target: "/v", readOnly: false },
    ],
  );
});

test("limits, names and addresses arrive as values", () => {
  const { spec } = create({
    Hostname: "h",
    Domainname: "d",
    StopTimeout: 3,
    HostConfig: {
      Memory: 64 * 1024 * 1024,
      CpuQuota: 50_000,
      PidsLimit: 10,
      Dns: ["1.1.1.1"],
      DnsSearch: ["example.org"],
      ExtraHosts: ["a:10.0.0.1", "b:host-gateway", "c=[fe80::1]"],
      Ulimits: [{ Name: "nofile", Soft: 1, Hard: 2 }],
      CapAdd: ["NET_ADMIN"],
    },
  });
  assert.deepEqual(spec.resources, {
    memory: 64 * 1024 * 1024,
    nanoCpus: 500_000_000,
    pidsLimit: 10,
    ulimits: [{ name: "nofile", soft: 1, hard: 2 }],
  });
  assert.deepEqual(spec.dns, { servers: [parseAddress("1.1.1.1")], search: ["example.org"], options: [] });
  assert.deepEqual(spec.extraHosts, [
    { name: "a", address: parseAddress("10.0.0.1") },
    { name: "b", address: "host-gateway" },
    { name: "c", address: parseAddress("fe80::1") },
  ]);
  assert.deepEqual([spec.hostname, spec.domainname, spec.stopTimeoutSeconds], ["h", "d", 3]);
  assert.deepEqual(spec.capabilities, { add: ["NET_ADMIN"], drop: [] });
});

test("the kept document shows the image's config merged with the client's", () => {
  const image = { command: ["sh"], environment: ["A=1", "B=2"], labels: { x: "1" }, exposedPorts: ["80/tcp"] };
  const { spec } = create({ Env: ["B=3"], Labels: { y: "2" } }, 50, image);
  const { document } = spec;
  assert.ok(typeof document === "object" && document !== null && "Config" in document);
  assert.deepEqual(document["Config"], {
    Image: "busybox",
    Cmd: ["sh"],
    Env: ["A=1", "B=3"],
    Labels: { x: "1", y: "2" },
    ExposedPorts: { "80/tcp": {} },
  });
  assert.deepEqual(spec.environment, ["B=3"], "the engine merges for itself");
});

test("what only tunes is discarded with a warning, what loosens nothing is accepted", () => {
  const { warnings } = create({
    HostConfig: { MemoryReservation: 1, Init: true, SecurityOpt: ["seccomp=unconfined"] },
  });
  assert.deepEqual(warnings, [
    "The memory reservation is not implemented yet and was discarded.",
    "The init process is not implemented yet and was discarded.",
  ]);
});
