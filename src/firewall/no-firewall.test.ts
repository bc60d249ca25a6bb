/** The firewall that is off: says so once, then agrees to everything. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../base/log.ts";
import { openNoFirewall } from "./no-firewall.ts";
import { DOCKER0 } from "./policies.fixture.ts";

test("it warns when opened, and then does nothing without complaint", async () => {
  const warned: string[] = [];
  await using firewall = openNoFirewall({ ...silentLog, warn: (_, message) => void warned.push(message) });
  assert.equal(warned.length, 1);
  await firewall.apply({ add: [DOCKER0], remove: [] });
  assert.deepEqual(await firewall.reconcile([DOCKER0]), { added: 0, removed: 0 });
});
