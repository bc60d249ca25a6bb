/** Golden files of a driver: the desired state of each scenario as text, which `CAUSEWAY_UPDATE_GOLDEN=1` writes anew. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { it } from "node:test";

/** A test for each scenario, whose file in the folder has its name, and one that there is no other file. */
export function testGolden<Scenario>(
  folder: string,
  scenarios: Readonly<Record<string, Scenario>>,
  describe: (scenario: Scenario) => string,
): void {
  for (const [name, scenario] of Object.entries(scenarios))
    it(`the desired state of ${name} is as golden/${name}.txt says`, () => {
      const path = join(folder, `${name}.txt`);
      const text = describe(scenario);
      if (process.env.CAUSEWAY_UPDATE_GOLDEN === "1") writeFileSync(path, text);
      assert.equal(text, readFileSync(path, "utf8"));
    });

  it("every golden file has its scenario", () => {
    const names = Object.keys(scenarios).map((name) => `${name}.txt`);
    assert.deepEqual(readdirSync(folder).sort(), names.sort());
  });
}
