/** What settings come to mean: values, dockerd's fatal combinations, and sockets that must not stand open. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPrefix } from "../addr/prefix.ts";
import { resolveConfig } from "./config.ts";
import type { DaemonConfig } from "./config.ts";
import { parseCommandLine } from "./flags/command-line.ts";
import { merge, parseConfigText } from "./flags/config-file.ts";
import { Settings } from "./flags/settings.ts";

const resolve = (...args: string[]): DaemonConfig => resolveConfig(new Settings(parseCommandLine(args)));

test("without flags it listens on its own socket and makes docker0", () => {
  const config = resolve();
  assert.deepEqual(config.listen, [{ kind: "unix", path: "/run/causeway.sock" }]);
  assert.equal(config.network.defaultBridge?.name, "docker0");
  assert.equal(config.dataRoot, "/var/lib/causeway");
  assert.equal(config.pidFile, "/run/causeway.pid");
  assert.equal(config.shutdownTimeoutMs, 15_000);
});

test("the default bridge's flags are values", () => {
  const bridge = resolve("--bip", "172.30.0.1/16", "--mtu", "1400", "--icc=false", "--ip-masq=false").network
    .defaultBridge;
  assert.ok(bridge?.bip);
  assert.equal(formatPrefix(bridge.bip), "172.30.0.1/16");
  assert.deepEqual([bridge.mtu, bridge.icc, bridge.ipMasquerade], [1400, false, false]);
});

test("--bridge=none means no default network, --bridge=NAME one that is not ours", () => {
  assert.equal(resolve("--bridge=none").network.defaultBridge, undefined);
  assert.deepEqual(
    [resolve("-b", "br7").network.defaultBridge?.adopt, resolve("-b", "br7").bridgeChosen],
    [true, true],
  );
});

test("without iptables nothing is masqueraded", () => {
  assert.equal(resolve("--iptables=false").network.defaultBridge?.ipMasquerade, false);
});

test("the proxy and the closed FORWARD chain are there unless told otherwise", () => {
  const values = ({ network, forwardWithoutDrop }: DaemonConfig) => [network.userlandProxy, forwardWithoutDrop];
  assert.deepEqual(values(resolve()), [true, false]);
  assert.deepEqual(values(resolve("--userland-proxy=false", "--ip-forward-no-drop")), [false, true]);
});

for (const [args, message] of [
  [
    ["-b", "br7", "--bip", "172.30.0.1/16"],
    "You specified -b & --bip, mutually exclusive options. Please specify only one",
  ],
  [
    ["-b", "br7", "--bip6", "fd00::1/64"],
    "You specified -b & --bip6, mutually exclusive options. Please specify only one",
  ],
  [
    ["--iptables=false", "--icc=false"],
    "You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please set --icc or --iptables to true",
  ],
  [["--firewall-backend", "pf"], 'invalid firewall-backend: allowed values are "iptables" and "nftables"'],
  [["--log-level", "loud"], "invalid logging level: loud"],
  [["--log-format", "xml"], "invalid log format: xml"],
  [["--label", "a=1", "--label", "a=2"], "conflict labels for a=2 and a=1"],
  [["--label", "plain"], "bad attribute format: plain"],
  [["--data-root", "data"], "--data-root must be an absolute path: data"],
  [["--mtu=-1"], "invalid default MTU: -1"],
  [["--tlsverify"], "TLS needs --tlscert, --tlskey and --tlscacert"],
  [["-H", "ftp://x"], "invalid bind address (ftp://x): use unix://PATH, tcp://HOST:PORT or fd://"],
] as const) {
  test(`${args.join(" ")}: ${message}`, () => {
    assert.throws(() => resolve(...args), { message });
  });
}

test("an open TCP socket is refused, on loopback unless asked for by name", () => {
  assert.throws(() => resolve("-H", "tcp://0.0.0.0:2375"), /Use --tlsverify/);
  assert.throws(() => resolve("-H", "tcp://0.0.0.0:2375", "--insecure-tcp-loopback"), /Use --tlsverify/);
  assert.throws(() => resolve("-H", "tcp://127.0.0.1:2375"), /--insecure-tcp-loopback/);
  const { listen } = resolve("-H", "tcp://127.0.0.1:2375", "--insecure-tcp-loopback");
  assert.deepEqual(listen, [{ kind: "tcp", host: "127.0.0.1", port: 2375 }]);
});

test("TLS that does not verify clients does not open a TCP socket either", () => {
  const files = ["--tlscert", "/c", "--tlskey", "/k", "--tlscacert", "/a"];
  assert.throws(() => resolve("-H", "tcp://10.0.0.1", "--tls", "--tlsverify=false", ...files), /Use --tlsverify/);
  assert.deepEqual(resolve("-H", "tcp://10.0.0.1", "--tlsverify", ...files).listen, [
    { kind: "tcp", host: "10.0.0.1", port: 2376 },
  ]);
});

test("--default-network-opt is by driver, typed or in the file", () => {
  const typed = resolve("--default-network-opt", "bridge=com.docker.network.driver.mtu=1400").network.networkOptions;
  assert.deepEqual([...(typed ?? [])], [["bridge", { "com.docker.network.driver.mtu": "1400" }]]);
  const file = parseConfigText('{"default-network-opts": {"bridge": {"a": "1", "b": "x=y"}, "overlay": {"c": "3"}}}');
  assert.deepEqual(
    [...(resolveConfig(merge(new Map(), file)).network.networkOptions ?? [])],
    [
      ["bridge", { a: "1", b: "x=y" }],
      ["overlay", { c: "3" }],
    ],
  );
  assert.throws(() => resolve("--default-network-opt", "bridge=mtu"), /should be root-key=key=value/);
  const wrong = parseConfigText('{"default-network-opts": {"bridge": {"a": 1}}}');
  assert.throws(() => resolveConfig(merge(new Map(), wrong)), /bridge: a must be a string, not 1/);
});

test("a bad address is refused with the flag that carried it", () => {
  assert.throws(() => resolve("--dns", "dns.example"), /invalid argument "dns.example" for "--dns"/);
  assert.throws(() => resolve("--bip", "172.30.0.1"), /for "--bip"/);
});
