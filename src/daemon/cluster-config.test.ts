/** The cluster's flags: dockerd's sentences for what cannot be, times from each other, and an address that is really ours. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress } from "../addr/ip-address.ts";
import { parsePrefix } from "../addr/prefix.ts";
import { HOST } from "../kernel/facts.ts";
import type { Observation, ObservedLink } from "../kernel/observation.ts";
import { silentLog } from "../base/log.ts";
import { chooseAdvertised } from "./cluster-advertise.ts";
import { clusterNotes, parseAdvertise, resolveCluster, type ClusterConfig } from "./cluster-config.ts";
import { resolveConfig } from "./config.ts";
import { parseCommandLine } from "./flags/command-line.ts";
import { merge, parseConfigText } from "./flags/config-file.ts";
import { Settings } from "./flags/settings.ts";
import { Reloadable } from "./reloadable.ts";

const STORE = ["--cluster-store", "etcd://10.0.0.9:2379"] as const;
const ADVERTISE = ["--cluster-advertise", "10.0.0.1:2376"] as const;

function settings(...args: string[]): Settings {
  return new Settings(parseCommandLine(args));
}

function resolve(...args: string[]): ClusterConfig {
  const config = resolveCluster(settings(...STORE, ...ADVERTISE, ...args));
  assert.ok(config);
  return config;
}

const option = (...pairs: string[]): string[] => pairs.flatMap((pair) => ["--cluster-store-opt", pair]);

test("without a store there is no cluster", () => {
  assert.equal(resolveCluster(settings()), undefined);
  assert.ok(!("cluster" in resolveConfig(settings())));
});

test("a store and an address are a cluster with dockerd's times and no TLS", () => {
  assert.deepEqual(resolve(), {
    store: "etcd://10.0.0.9:2379",
    ttlMs: 60_000,
    graceMs: 300_000,
    advertise: { text: "10.0.0.1:2376", at: { address: { family: 4, value: 0x0a000001n } }, port: 2376 },
  });
});

test("the grace time is one's own to choose", () => {
  assert.equal(resolve(...option("discovery.grace=20")).graceMs, 20_000);
  assert.throws(() => resolve(...option("discovery.grace=0")), { message: "discovery.grace must be positive" });
});

for (const [pairs, ttlMs] of [
  [["discovery.heartbeat=5"], 15_000],
  [["discovery.ttl=9"], 9000],
  [["discovery.heartbeat=1", "discovery.ttl=10"], 10_000],
] as const) {
  test(`${pairs.join(" ")}: gone after ${ttlMs} ms`, () => {
    assert.equal(resolve(...option(...pairs)).ttlMs, ttlMs);
  });
}

test("daemon.json has the same under dockerd's keys", () => {
  const text = `{"cluster-store": "consul://c:8500", "cluster-advertise": "eth1:2376", "cluster-store-opts": {
    "discovery.ttl": "30", "kv.cacertfile": "/ca", "kv.certfile": "/cert", "kv.keyfile": "/key"}}`;
  assert.deepEqual(resolveCluster(merge(new Map(), parseConfigText(text))), {
    store: "consul://c:8500",
    tls: { ca: "/ca", cert: "/cert", key: "/key" },
    ttlMs: 30_000,
    graceMs: 300_000,
    advertise: { text: "eth1:2376", at: { interface: "eth1" }, port: 2376 },
  });
  const number = parseConfigText('{"cluster-store": "zk://z", "cluster-store-opts": {"discovery.ttl": 30}}');
  assert.throws(() => resolveCluster(merge(new Map(), number)), {
    message: "cluster-store-opt: discovery.ttl must be a string, not 30",
  });
});

const accompanied = (a: string, b: string): string =>
  `invalid cluster configuration. --${a} must be accompanied by --${b} configuration`;
for (const [args, message] of [
  [ADVERTISE, accompanied("cluster-advertise", "cluster-store")],
  [option("discovery.ttl=3"), accompanied("cluster-store-opt", "cluster-store")],
  [STORE, /--cluster-store must be accompanied by --cluster-advertise/],
  [
    ["--cluster-store", "redis://10.0.0.9:2379", ...ADVERTISE],
    'unknown cluster store "redis": there are etcd://, consul:// and zk://',
  ],
  [
    ["--cluster-store", "10.0.0.9:2379", ...ADVERTISE],
    "kv store daemon config must be of the form KV-PROVIDER://KV-URL",
  ],
  [
    [...STORE, ...ADVERTISE, ...option("discovery.ttl=5", "discovery.heartbeat=5")],
    "discovery.ttl timer must be greater than discovery.heartbeat",
  ],
  [[...STORE, ...ADVERTISE, ...option("discovery.ttl=0")], "discovery.ttl must be positive"],
  [[...STORE, ...ADVERTISE, ...option("discovery.heartbeat=-1")], "discovery.heartbeat must be positive"],
  [[...STORE, ...ADVERTISE, ...option("discovery.heartbeat=1e9")], /strconv.Atoi: parsing "1e9": invalid syntax/],
  [[...STORE, ...ADVERTISE, ...option("discovery.ttl=999999999")], /at most 86400 seconds/],
  [[...STORE, ...ADVERTISE, ...option("kv.cacert=/ca")], /unknown option kv.cacert; known: kv.cacertfile/],
  [[...STORE, ...ADVERTISE, ...option("kv.cacertfile=/ca")], /TLS needs .*; only kv.cacertfile given/],
  [
    [...STORE, ...ADVERTISE, ...option("kv.cacertfile=/ca", "kv.certfile=c", "kv.keyfile=/k")],
    "--cluster-store-opt: kv.certfile must be an absolute path: c",
  ],
  [
    [...STORE, ...ADVERTISE, ...option("discovery.ttl")],
    'invalid argument "discovery.ttl" for "--cluster-store-opt" flag: it must be written KEY=VALUE',
  ],
] as const) {
  test(`${args.join(" ")} is refused`, () => {
    assert.throws(() => resolveConfig(settings(...args)), { message });
  });
}

const invalid = (text: string, why: string): string => `invalid --cluster-advertise configuration: ${text}: ${why}`;
for (const [text, message] of [
  ["10.0.0.1", invalid("10.0.0.1", "address 10.0.0.1: missing port in address")],
  ["fd00::1:2376", invalid("fd00::1:2376", "address fd00::1:2376: too many colons in address")],
  ["eth1:", invalid("eth1:", "the port must be 1 to 65535")],
  ["eth1:0", invalid("eth1:0", "the port must be 1 to 65535")],
  ["eth1:65536", invalid("eth1:65536", "the port must be 1 to 65535")],
  [":2376", "invalid cluster advertise IP address or interface name (:2376)"],
  ["[eth1]:2376", "invalid cluster advertise IP address or interface name ([eth1]:2376)"],
  ["0.0.0.0:2376", invalid("0.0.0.0:2376", "other hosts cannot reach 0.0.0.0")],
  ["127.0.0.1:2376", invalid("127.0.0.1:2376", "other hosts cannot reach 127.0.0.1")],
] as const) {
  test(`--cluster-advertise ${text}: ${message}`, () => {
    assert.throws(() => parseAdvertise(text), { message });
  });
}

const link = (name: string): ObservedLink => {
  const n = 0n;
  const statistics = { rxBytes: n, rxPackets: n, rxErrors: n, rxDropped: n, txBytes: n, txPackets: n, txErrors: n };
  return { index: 1, name, type: "", mtu: 1500, up: true, statistics: { ...statistics, txDropped: n } };
};

const host: Observation = {
  namespace: HOST,
  links: ["lo", "eth0", "eth1", "eth2", "eth3"].map(link),
  addresses: [
    ["lo", "127.0.0.1/8"],
    ["eth0", "fd00::1/64"],
    ["eth0", "10.0.0.1/24"],
    ["eth0", "10.0.0.2/24"],
    ["eth3", "fd00:1::1/64"],
  ].map(([on = "", text = ""]) => ({ link: on, address: parsePrefix(text) })),
  routes: [],
  neighbours: [],
  forwarding: [],
  sysctls: {},
};
const choose = (text: string): string => formatAddress(chooseAdvertised(host, parseAdvertise(text)));

test("an address of this host is taken as it is, of an interface its first IPv4 address", () => {
  assert.equal(choose("10.0.0.2:2376"), "10.0.0.2");
  assert.equal(choose("[fd00::1]:2376"), "fd00::1");
  assert.equal(choose("eth0:2376"), "10.0.0.1");
});

test("an address that is not ours is named, and what this host has", () => {
  assert.throws(() => choose("10.0.0.3:2376"), {
    message:
      "--cluster-advertise 10.0.0.3:2376: 10.0.0.3 is not an address of this host, which has " +
      "fd00::1 (eth0), 10.0.0.1 (eth0), 10.0.0.2 (eth0), fd00:1::1 (eth3)",
  });
  assert.throws(
    () => choose("eth9:2376"),
    /interface name \(eth9:2376\) : no such network interface; this host has fd/,
  );
  assert.throws(() => choose("eth1:2376"), /valid ip-address in interface eth1: it has no address; name an address/);
  assert.throws(() => choose("eth3:2376"), /interface eth3: none of its addresses is IPv4 and not loopback/);
});

test("kv.path, and a heartbeat beside a ttl, are admitted to have no effect", () => {
  assert.deepEqual(clusterNotes(settings(...STORE, ...option("discovery.heartbeat=5"))), []);
  const both = clusterNotes(settings(...STORE, ...option("discovery.heartbeat=5", "discovery.ttl=30")));
  assert.match(both.join(), /^--cluster-store-opt discovery.heartbeat has no effect beside discovery.ttl/);
  assert.match(clusterNotes(settings(...STORE, ...option("kv.path=docker/nodes")))[0] ?? "", /kv.path .* no effect/);
});

test("a reload that would change the cluster says that it needs a restart", () => {
  const typed = parseCommandLine(["--config-file", "/nonexistent/daemon.json"]);
  const noFile = parseCommandLine([]);
  const warnings: string[] = [];
  const note = (_fields: object, message: string): void => void warnings.push(message);
  const log = { ...silentLog, warn: note, error: note, setLevel: () => {} };
  new Reloadable(resolveConfig(settings())).reload(noFile, log);
  assert.deepEqual(warnings, []);
  new Reloadable(resolveConfig(settings(...STORE, ...ADVERTISE))).reload(noFile, log);
  assert.match(warnings.pop() ?? "", /--cluster-store, .* needs a restart/);
  new Reloadable(resolveConfig(settings())).reload(typed, log);
  assert.match(warnings.pop() ?? "", /the configuration is not reloaded/);
});
