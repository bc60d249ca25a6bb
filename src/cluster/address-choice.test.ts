/** The choice of the next address, over every state that a small pool can be in. */
import assert from "node:assert/strict";
import { it } from "node:test";
import * as fc from "fast-check";
import { chooseAddress, type AddressChoice } from "./address-choice.ts";

type States = readonly ("free" | "held" | "resting")[];

function choice(states: States, fields: Partial<AddressChoice> = {}): AddressChoice {
  return {
    first: 0n,
    last: BigInt(states.length - 1),
    stateOf: (value) => states[Number(value)] ?? "held",
    hosts: 1,
    rank: 0,
    resting: () => states.flatMap((state, index) => (state === "resting" ? [BigInt(index)] : [])),
    ...fields,
  };
}

const F = "free";
const H = "held";
const R = "resting";

const CASES: readonly (readonly [what: string, choice: AddressChoice, expected: bigint | undefined])[] = [
  ["alone, the lowest first", choice([F, F, F]), 0n],
  ["the next after the last one", choice([F, F, F], { after: 0n }), 1n],
  ["round the end", choice([F, H, F], { after: 2n }), 0n],
  ["of three hosts the second its own", choice([F, F, F, F, F], { hosts: 3, rank: 1 }), 1n],
  ["and its own next", choice([F, H, F, F, F], { hosts: 3, rank: 1, after: 1n }), 4n],
  ["others' when its own are held", choice([F, H, F, F, H], { hosts: 3, rank: 1 }), 2n],
  ["the lowest when there is no other behind its place", choice([F, H, H, H, H], { hosts: 3, rank: 1 }), 0n],
  ["more hosts than addresses", choice([H, F], { hosts: 9, rank: 8 }), 1n],
  ["what rests only when nothing is free", choice([R, H, F], { after: 2n }), 2n],
  ["of those that rest the longest", choice([R, R], { resting: () => [1n, 0n] }), 1n],
  ["nothing when all are held", choice([H, H, H]), undefined],
];
for (const [what, given, expected] of CASES) it(`takes ${what}`, () => assert.equal(chooseAddress(given), expected));

it("finds an address exactly where there is one, and a free one before one that rests", () => {
  const states = fc.array(fc.constantFrom("free" as const, "held" as const, "resting" as const), {
    minLength: 1,
    maxLength: 20,
  });
  const place = fc.record({ hosts: fc.integer({ min: 1, max: 30 }), rank: fc.nat(29), after: fc.bigInt(0n, 20n) });
  fc.assert(
    fc.property(states, place, (given, { hosts, rank, after }) => {
      const found = chooseAddress(choice(given, { hosts, rank: rank % hosts, after }));
      const state = found === undefined ? "held" : given[Number(found)];
      assert.equal(state, given.includes("free") ? "free" : given.includes("resting") ? "resting" : "held");
    }),
  );
});

it("looks at no more addresses than are taken, however large the subnet is", () => {
  let looks = 0;
  const found = chooseAddress({
    first: 0n,
    last: (1n << 64n) - 1n,
    stateOf: (value) => {
      looks++;
      return value < 1_000n ? "held" : "free";
    },
    hosts: 100,
    rank: 7,
    resting: () => [],
  });
  assert.equal(found, 1_007n);
  assert.ok(looks <= 1_001, `${looks} looks`);
});
