/** The command line of `causeway plugin`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "../../base/errors.ts";
import { parsePluginOptions, PLUGIN_HELP } from "./plugin-options.ts";

const CLUSTER = ["--cluster-store=etcd://192.0.2.1", "--cluster-advertise", "eth0:2376"];

test("without flags it serves where dockerd looks, and knows of no cluster", () => {
  assert.deepEqual(parsePluginOptions([]), {
    dataRoot: "/var/lib/causeway-plugin",
    execRoot: "/run/causeway-plugin",
    socketPath: "/run/docker/plugins/causeway.sock",
    dockerSocket: "/run/docker.sock",
    log: { level: "info", format: "text" },
  });
});

test("the cluster's flags mean what they mean to causewayd", () => {
  const config = parsePluginOptions([...CLUSTER, "--cluster-store-opt", "discovery.ttl=9", "-D"]);
  assert.ok(config !== "help");
  assert.equal(config.cluster?.store, "etcd://192.0.2.1:2379");
  assert.equal(config.cluster?.ttlMs, 9000);
  assert.equal(config.log.level, "debug");
});

for (const [args, message] of [
  [["--cluster-store=etcd://192.0.2.1"], /must be accompanied by --cluster-advertise/],
  [["--cluster-advertise=eth0:1"], /must be accompanied by --cluster-store/],
  [["--data-root=here"], /--data-root must be an absolute path: here/],
  [["--nonsense"], /Unknown option '--nonsense'/],
  [["word"], /Unexpected argument 'word'/],
] satisfies [string[], RegExp][])
  test(`refused: ${args.join(" ")}`, () => {
    assert.throws(
      () => parsePluginOptions(args),
      (error) => error instanceof EngineError && message.test(error.message),
    );
  });

test("help names every flag", () => {
  assert.equal(parsePluginOptions(["--help"]), "help");
  for (const flag of [
    "cluster-store",
    "cluster-advertise",
    "data-root",
    "exec-root",
    "socket",
    "docker-socket",
    "debug",
  ])
    assert.ok(PLUGIN_HELP.includes(`--${flag}`), flag);
});
