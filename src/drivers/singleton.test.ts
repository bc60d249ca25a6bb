/** Host and null have one network each, and want nothing of the kernel. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "../base/errors.ts";
import { endpoint, idOf, network, PLACE } from "./bridge/intents.fixture.ts";
import { NO_MEMBERS } from "./intent.ts";
import { NOTHING } from "./driver.ts";
import { createHostDriver } from "./host/host-driver.ts";
import { createNullDriver } from "./null/null-driver.ts";

for (const driver of [createHostDriver(), createNullDriver()]) {
  const only = network({ id: idOf("aa"), driver: driver.name });

  test(`a second ${driver.name} network is refused with Docker's words`, () => {
    assert.throws(
      () => {
        driver.validate(network({ driver: driver.name }), [only]);
      },
      new EngineError("forbidden", `only one instance of "${driver.name}" network is allowed`),
    );
    driver.validate(only, [only, network()]);
  });

  test(`${driver.name} needs nothing of the kernel or the firewall`, () => {
    assert.deepEqual(driver.networkState(only, NO_MEMBERS), NOTHING);
    assert.deepEqual(driver.endpointState(only, endpoint(), PLACE), NOTHING);
    assert.deepEqual(driver.joinInfo(only, endpoint()).gateways, []);
  });
}

test("configuration-only networks are stored under the null driver and do not count as its network", () => {
  const configuration = network({ driver: "null", configOnly: true });
  createNullDriver().validate(network({ id: idOf("aa"), driver: "null" }), [configuration]);
  createNullDriver().validate(configuration, [network({ id: idOf("aa"), driver: "null" })]);
});
