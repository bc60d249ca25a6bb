/** VXLAN ids: asked for, or the lowest free. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { parsePrefix } from "../addr/prefix.ts";
import { EngineError } from "../base/errors.ts";
import { chooseVnis } from "./vni-choice.ts";

function network(...vnis: readonly (number | undefined)[]) {
  const subnet = parsePrefix("10.0.0.0/24");
  return {
    id: "n",
    name: "n",
    body: null,
    subnets: vnis.map((vni) => (vni === undefined ? { subnet } : { subnet, vni })),
  };
}

it("are the lowest free from 4096", () => {
  assert.deepEqual(chooseVnis(network(undefined, undefined), new Set([4096, 4098])), [4097, 4099]);
});

it("are those asked for, and no choice meets them", () => {
  assert.deepEqual(chooseVnis(network(undefined, 4096, 7), new Set()), [4097, 4096, 7]);
});

it("are refused out of bounds and twice in a network", () => {
  const refused = (error: unknown): boolean => error instanceof EngineError && error.code === "invalid-argument";
  for (const vni of [0, -1, 1 << 24, 1.5, Number.NaN]) {
    assert.throws(() => chooseVnis(network(vni), new Set()), refused, String(vni));
  }
  assert.throws(() => chooseVnis(network(5, 5), new Set()), refused);
});
