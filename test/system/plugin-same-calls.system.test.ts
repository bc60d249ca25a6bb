/**
 * causewayd asks of a plugin what dockerd asks, call by call: the same scenarios, compared with the recordings of dockerd
 * (`golden/plugin/`). Where the two are to differ, it is said here, with the reason.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { TestDaemon } from "../support/daemon.ts";
import { DockerLines } from "../support/docker-lines.ts";
import { record } from "../support/plugin-scenario.ts";
import { SCENARIOS } from "../support/plugin-scenarios.ts";
import { startRecordedPlugins } from "../support/recorded-plugins.ts";

interface Difference {
  readonly scenario: string;
  readonly why: string;
  readonly dockerd: string | RegExp;
  readonly ours: string;
}

const DIFFERENCES: readonly Difference[] = [
  {
    scenario: "wishes",
    why: "legacy links of the default bridge, which dockerd 20.10 also tells drivers that have none",
    dockerd: '"com.docker.network.generic":{"ChildEndpoints":null,"ParentEndpoints":null},',
    ours: "",
  },
  {
    scenario: "failures",
    why: "an endpoint whose answer cannot be read is made undone",
    dockerd:
      /address zz: invalid MAC address\n(NetworkDriver\.CreateEndpoint \{"EndpointID":"(<endpoint \d+>)".*"NetworkID":"(<network \d+>)".*\n.*\n)/,
    ours:
      "address zz: invalid MAC address; rolled back\n$1" +
      'NetworkDriver.DeleteEndpoint {"EndpointID":"$2","NetworkID":"$3"}\n  -> 200 {}\n',
  },
  {
    scenario: "failures",
    why: "interfaces are moved by us, not by a hook of runc",
    dockerd: /failed to create shim task: .*/,
    ours:
      "create sandbox of container <id 1>: move link nowhere into the sandbox as eth0: " +
      "there is no link nowhere, although plugin ptp says that it made it (ENODEV)",
  },
  {
    scenario: "ipam",
    why: "later dockerd's spelling",
    dockerd: "No address returned",
    ours: "no address returned",
  },
  {
    scenario: "ipam",
    why: "a pool whose subnet cannot be read is given back",
    dockerd: '  -> 200 {"Pool":"nonsense","PoolID":"p"}\n',
    ours: '  -> 200 {"Pool":"nonsense","PoolID":"p"}\nIpamDriver.ReleasePool {"PoolID":"p"}\n  -> 200 {}\n',
  },
];

function expected(scenario: string): string {
  let text = readFileSync(join(import.meta.dirname, "golden/plugin", `${scenario}.txt`), "utf8");
  for (const { dockerd, ours, why } of DIFFERENCES.filter((each) => each.scenario === scenario)) {
    const replaced = text.replace(dockerd, ours);
    assert.notEqual(replaced, text, `not in the recording any more: ${why}`);
    text = replaced;
  }
  return text;
}

/** What we say besides: what later dockerds put before it, and which plugin and call an error of our own is about. */
function withoutContext(recorded: string): string {
  return recorded
    .replaceAll("failed to set up container networking: ", "")
    .replaceAll(/(?<=^! .*)plugin \w+: (?:Network|Ipam)Driver\.\w+: /gm, "");
}

test("causewayd asks of a plugin what dockerd asks", async (t) => {
  await using daemon = await TestDaemon.start();
  await using plugins = await startRecordedPlugins(daemon.directory);
  await new DockerLines(daemon).importBusybox();
  for (const scenario of SCENARIOS)
    await t.test(scenario.name, async () => {
      const recorded = await record(daemon, scenario, plugins);
      assert.equal(withoutContext(recorded), expected(scenario.name));
    });
});
