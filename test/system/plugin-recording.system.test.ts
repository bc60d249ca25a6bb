/**
 * What the real dockerd asks of a plugin, call by call, is recorded in `golden/plugin/` and compared with what it asks today.
 * `CAUSEWAY_UPDATE_GOLDEN=1 node tools/run-tests.ts test/system/plugin-recording.system.test.ts` records it anew.
 */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DockerLines } from "../support/docker-lines.ts";
import { TestDockerd, withoutDockerd } from "../support/dockerd.ts";
import { record } from "../support/plugin-scenario.ts";
import { SCENARIOS } from "../support/plugin-scenarios.ts";
import { startRecordedPlugins } from "../support/recorded-plugins.ts";

const golden = (name: string): string => join(import.meta.dirname, "golden/plugin", `${name}.txt`);

test("dockerd asks of a plugin what was recorded", { skip: withoutDockerd() ?? false }, async (t) => {
  await using daemon = await TestDockerd.start();
  await using plugins = await startRecordedPlugins(daemon.directory);
  await new DockerLines(daemon).importBusybox();
  for (const scenario of SCENARIOS)
    await t.test(scenario.name, async () => {
      const recorded = await record(daemon, scenario, plugins);
      if (process.env["CAUSEWAY_UPDATE_GOLDEN"] === "1") writeFileSync(golden(scenario.name), recorded);
      assert.equal(recorded, readFileSync(golden(scenario.name), "utf8"));
    });
});
