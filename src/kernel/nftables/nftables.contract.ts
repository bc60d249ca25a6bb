/** What every kernel promises of nf_tables, the real one and the model, as a suite over whatever `open` gives: empty of tables. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HOST } from "../facts.ts";
import type { Kernel } from "../kernel.ts";
import { KernelError } from "../kernel-error.ts";
import type { NftChange, NftElement, NftSetType, NftTable } from "./ruleset.ts";

type NftKernel = Pick<Kernel, "changeNftables" | "readNftables">;

const T = { family: 4, table: "contract" } as const;
const SET: NftSetType = { name: "addresses", key: ["ipv4_addr"], interval: false };
const RANGES: NftSetType = { name: "subnets", key: ["ipv4_addr"], interval: true };
const MAP: NftSetType = { name: "ports", key: ["inet_proto", "inet_service"], data: ["ipv4_addr"], interval: false };
const PORT_RANGES: NftSetType = { ...MAP, name: "ranges", interval: true };

const one = (last: number): NftElement => ({ key: Uint8Array.of(10, 0, 0, last) });
const port = (number: number, last: number): NftElement => ({
  key: Uint8Array.of(6, 0, 0, 0, number >> 8, number & 255, 0, 0),
  data: Uint8Array.of(10, 0, 0, last),
});
const ports = (first: number, last: number): NftElement => ({
  ...port(first, 1),
  keyEnd: Uint8Array.of(6, 0, 0, 0, last >> 8, last & 255, 0, 0),
});

const BASE: readonly NftChange[] = [
  { ...T, change: "add-table" },
  ...[SET, RANGES, MAP, PORT_RANGES].map((set): NftChange => ({ ...T, change: "add-set", set })),
  { ...T, change: "add-chain", chain: { name: "user" } },
  {
    ...T,
    change: "add-chain",
    chain: { name: "forward", hook: { type: "filter", hook: "forward", priority: 0 }, policy: "accept" },
  },
  {
    ...T,
    change: "append-rule",
    chain: "forward",
    rule: { comment: "first", expressions: [{ kind: "verdict", verdict: "jump", chain: "user" }] },
  },
];

const add = (set: NftSetType, ...elements: NftElement[]): NftChange => ({
  ...T,
  change: "add-elements",
  set,
  elements,
});
const remove = (set: NftSetType, ...elements: NftElement[]): NftChange => ({
  ...T,
  change: "delete-elements",
  set,
  elements,
});

async function read(kernel: NftKernel): Promise<NftTable> {
  return (await kernel.readNftables(HOST, T)) ?? assert.fail("no table");
}

async function elementsOf(kernel: NftKernel, { name }: NftSetType): Promise<readonly NftElement[]> {
  const { sets } = await read(kernel);
  const found = sets.find((set) => set.name === name) ?? assert.fail(`no set ${name}`);
  return found.elements.map(({ key, keyEnd, data }) => ({
    key: Uint8Array.from(key),
    ...(keyEnd === undefined ? {} : { keyEnd: Uint8Array.from(keyEnd) }),
    ...(data instanceof Uint8Array ? { data: Uint8Array.from(data) } : {}),
  }));
}

export function nftablesContract(name: string, open: () => Promise<NftKernel>): void {
  const refused = (kernel: NftKernel, code: string, ...changes: NftChange[]): Promise<void> =>
    assert.rejects(
      kernel.changeNftables(HOST, changes),
      (error) => error instanceof KernelError && error.code === code,
    );

  describe(`nf_tables of ${name}`, () => {
    test("a table that is not there is read as nothing", async () => {
      const kernel = await open();
      assert.equal(await kernel.readNftables(HOST, T), undefined);
    });

    test("what was made is read back", async () => {
      const kernel = await open();
      await kernel.changeNftables(HOST, BASE);
      const { chains, sets } = await read(kernel);
      const [user, forward] = chains;
      assert.deepEqual([user?.name, user?.hook, user?.rules], ["user", undefined, []]);
      assert.deepEqual(
        [forward?.hook, forward?.policy, forward?.rules.length],
        [{ type: "filter", hook: "forward", priority: 0 }, "accept", 1],
      );
      assert.equal(forward?.rules[0]?.comment, "first");
      assert.deepEqual(sets.map((set) => set.name).sort(), ["addresses", "ports", "ranges", "subnets"]);
    });

    test("elements and ranges come and go", async () => {
      const kernel = await open();
      const subnet = { key: Uint8Array.of(10, 1, 0, 0), keyEnd: Uint8Array.of(10, 1, 0, 255) };
      const next = { key: Uint8Array.of(10, 1, 1, 0), keyEnd: Uint8Array.of(10, 1, 1, 255) };
      const all = { key: Uint8Array.of(224, 0, 0, 0), keyEnd: Uint8Array.of(255, 255, 255, 255) };
      await kernel.changeNftables(HOST, [...BASE, add(RANGES, subnet, next, all), add(PORT_RANGES, ports(80, 90))]);
      assert.deepEqual(await elementsOf(kernel, RANGES), [subnet, next, all]);
      assert.deepEqual(await elementsOf(kernel, PORT_RANGES), [ports(80, 90)]);
      await kernel.changeNftables(HOST, [remove(RANGES, next, all), remove(PORT_RANGES, ports(80, 90))]);
      assert.deepEqual(await elementsOf(kernel, RANGES), [subnet]);
      assert.deepEqual(await elementsOf(kernel, PORT_RANGES), []);
    });

    test("a key that goes and comes in one transaction has its new datum", async () => {
      const kernel = await open();
      await kernel.changeNftables(HOST, [...BASE, add(MAP, port(80, 1))]);
      await kernel.changeNftables(HOST, [remove(MAP, port(80, 1)), add(MAP, port(80, 2))]);
      assert.deepEqual(await elementsOf(kernel, MAP), [port(80, 2)]);
    });

    test("adding what is there succeeds, a second datum for a key and a range across another do not", async () => {
      const kernel = await open();
      await kernel.changeNftables(HOST, [...BASE, add(MAP, port(80, 1)), add(PORT_RANGES, ports(80, 90))]);
      await kernel.changeNftables(HOST, [...BASE.slice(0, 2), add(MAP, port(80, 1)), add(SET, one(1), one(1))]);
      await refused(kernel, "EEXIST", add(MAP, port(80, 2)));
      await assert.rejects(kernel.changeNftables(HOST, [add(PORT_RANGES, ports(85, 95))]), KernelError);
    });

    test("a refused transaction names the change and leaves everything as it was", async () => {
      const kernel = await open();
      await kernel.changeNftables(HOST, BASE);
      await assert.rejects(
        kernel.changeNftables(HOST, [add(SET, one(1)), remove(SET, one(2)), { ...T, change: "delete-table" }]),
        /^KernelError: delete elements of set ip contract addresses: .*ENOENT/,
      );
      assert.deepEqual(await elementsOf(kernel, SET), []);
    });

    test("nothing can stand on what is not there, nor what is in use be removed", async () => {
      const kernel = await open();
      await refused(kernel, "ENOENT", add(SET, one(1)));
      await kernel.changeNftables(HOST, BASE);
      const jump = { expressions: [{ kind: "verdict", verdict: "jump", chain: "nowhere" }] } as const;
      await refused(kernel, "ENOENT", { ...T, change: "append-rule", chain: "forward", rule: jump });
      await refused(kernel, "ENOENT", { ...T, change: "flush-chain", chain: "nowhere" });
      await refused(kernel, "EBUSY", { ...T, change: "delete-chain", chain: "user" });
    });

    test("a namespace that does not exist is ENOENT", async () => {
      const kernel = await open();
      const gone = (error: unknown): boolean => error instanceof KernelError && error.code === "ENOENT";
      await assert.rejects(kernel.readNftables("/run/netns/nowhere", T), gone);
      await assert.rejects(kernel.changeNftables("/run/netns/nowhere", BASE), gone);
    });
  });
}
