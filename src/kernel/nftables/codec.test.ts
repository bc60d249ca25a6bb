/** Our bytes against those of nft, ours to read as well as ours to write. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseAddress, addressBytes } from "../../addr/ip-address.ts";
import { ByteReader, WireError } from "../../wire/byte-reader.ts";
import { goldenMessages, readGoldens } from "../goldens/read-goldens.ts";
import { decodeMessages, type Message } from "../netlink/message.ts";
import { NLA_F, NLM_F } from "../uapi/netlink.ts";
import { NFNL_MSG, NFTA_SET, NFTA_SET_ELEM_LIST } from "../uapi/nf-tables.ts";
import { encodeBatch } from "./batch.ts";
import { decodeChain, decodeElements, decodeRule, decodeSet } from "./decode-dump.ts";
import { nftMessageType } from "./encode-change.ts";
import type { Expression } from "./expression.ts";
import { joinRanges } from "./plain-ranges.ts";
import type { NftChange, NftElement, NftRule, NftSetType } from "./ruleset.ts";

const T = { family: 4, table: "t" } as const;
const host = (value: number): Uint8Array => Uint8Array.of(value, 0, 0, 0);
const address = (text: string): Uint8Array => addressBytes(parseAddress(text));
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const name = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.padEnd(16, "\0")));

const BRIDGES: NftSetType = { name: "bridges", key: ["ifname"], interval: false };
const MASQUERADED: NftSetType = { name: "masqueraded", key: ["ipv4_addr"], interval: true };
const OPEN_RANGES: NftSetType = {
  name: "open-ranges",
  key: ["ipv4_addr", "inet_proto", "inet_service"],
  interval: true,
};
const INBOUND: NftSetType = { name: "inbound", key: ["ifname"], data: "verdict", interval: false };
const SOURCES: NftSetType = { name: "sources", key: ["ipv4_addr"], data: ["ipv4_addr"], interval: true };
const PORTS: NftSetType = {
  name: "ports",
  key: ["inet_proto", "inet_service"],
  data: ["ipv4_addr", "inet_service"],
  interval: false,
};
const SETS = [BRIDGES, MASQUERADED, OPEN_RANGES, INBOUND, SOURCES, PORTS];

const ELEMENTS: readonly (readonly [command: string, set: NftSetType, elements: readonly NftElement[]])[] = [
  ["bridges", BRIDGES, [{ key: name("docker0") }]],
  [
    "masqueraded",
    MASQUERADED,
    [
      { key: address("10.1.0.0"), keyEnd: address("10.1.0.255") },
      { key: address("10.2.0.0"), keyEnd: address("10.2.255.255") },
    ],
  ],
  [
    "open-ranges",
    OPEN_RANGES,
    [
      {
        key: bytes(10, 1, 0, 2, 6, 0, 0, 0, 0x1f, 0x40, 0, 0),
        keyEnd: bytes(10, 1, 0, 2, 6, 0, 0, 0, 0x1f, 0xa4, 0, 0),
      },
    ],
  ],
  ["inbound", INBOUND, [{ key: name("docker0"), data: { verdict: "drop" } }]],
  ["sources", SOURCES, [{ key: address("10.3.0.0"), keyEnd: address("10.3.255.255"), data: address("192.0.2.7") }]],
  [
    "ports",
    PORTS,
    [
      { key: bytes(6, 0, 0, 0, 0x1f, 0x90, 0, 0), data: bytes(10, 1, 0, 2, 0, 80, 0, 0) },
      { key: bytes(17, 0, 0, 0, 0, 53, 0, 0), data: bytes(10, 1, 0, 3, 0x14, 0xe9, 0, 0) },
    ],
  ],
];

const equal = (value: Uint8Array): Expression => ({ kind: "compare", from: 0, operator: "eq", value });
const field = (base: "network" | "transport", offset: number, length: number, to = 0): Expression => ({
  kind: "payload",
  base,
  offset,
  length,
  to,
});
const anyBit = (key: "state" | "status", bits: number): readonly Expression[] => [
  { kind: "ct", key, to: 0 },
  { kind: "bitwise", from: 0, to: 0, mask: host(bits), xor: host(0) },
  { kind: "compare", from: 0, operator: "neq", value: host(0) },
];

/** By the beginning of nft's command, behind `nft add rule ip t`. */
const RULES: readonly (readonly [command: string, chain: string, rule: NftRule])[] = [
  [
    "forward jump user comment",
    "forward",
    { comment: "the user's rules", expressions: [{ kind: "verdict", verdict: "jump", chain: "user" }] },
  ],
  [
    "forward oifname @bridges",
    "forward",
    {
      expressions: [
        { kind: "meta", key: "oifname", to: 0 },
        { kind: "lookup", set: "bridges", from: 0 },
        ...anyBit("state", 6),
        { kind: "verdict", verdict: "accept" },
      ],
    },
  ],
  [
    "forward oifname vmap",
    "forward",
    {
      expressions: [
        { kind: "meta", key: "oifname", to: 0 },
        { kind: "lookup", set: "inbound", from: 0, to: "verdict" },
      ],
    },
  ],
  [
    "guard iifname",
    "guard",
    {
      expressions: [
        { kind: "meta", key: "iifname", to: 0 },
        { kind: "compare", from: 0, operator: "neq", value: name("lo") },
        field("network", 16, 1),
        equal(bytes(127)),
        { kind: "counter" },
        { kind: "verdict", verdict: "drop" },
      ],
    },
  ],
  [
    "prerouting fib",
    "prerouting",
    {
      expressions: [
        { kind: "fib", address: "daddr", to: 0 },
        equal(host(2)),
        { kind: "meta", key: "l4proto", to: 0 },
        field("transport", 2, 2, 4),
        { kind: "lookup", set: "ports", from: 0, to: 0 },
        { kind: "nat", translate: "destination", family: 4, address: 0, port: 4 },
      ],
    },
  ],
  [
    "postrouting ip saddr @masqueraded",
    "postrouting",
    {
      expressions: [
        field("network", 12, 4),
        { kind: "lookup", set: "masqueraded", from: 0 },
        ...anyBit("status", 0x20),
        { kind: "masquerade" },
      ],
    },
  ],
  [
    "postrouting snat to ip saddr map",
    "postrouting",
    {
      expressions: [
        field("network", 12, 4),
        { kind: "lookup", set: "sources", from: 0, to: 0 },
        { kind: "nat", translate: "source", family: 4, address: 0 },
      ],
    },
  ],
  [
    "postrouting udp sport",
    "postrouting",
    {
      expressions: [
        { kind: "meta", key: "l4proto", to: 0 },
        equal(bytes(17)),
        field("transport", 0, 2),
        equal(bytes(0x9c, 0x41)),
        { kind: "immediate", to: 0, value: bytes(0, 53) },
        { kind: "nat", translate: "source", family: 4, port: 0 },
      ],
    },
  ],
];

const CHAINS = [
  ["user", { name: "user" }],
  ["forward", { name: "forward", hook: { type: "filter", hook: "forward", priority: 0 }, policy: "drop" }],
  ["guard", { name: "guard", hook: { type: "filter", hook: "prerouting", priority: -300 } }],
  ["postrouting", { name: "postrouting", hook: { type: "nat", hook: "postrouting", priority: 100 } }],
] as const;

/** The messages between the batch's beginning and end. */
function inner(messages: readonly Message[]): readonly Message[] {
  return messages.filter(({ type }) => type !== NFNL_MSG.BATCH_BEGIN && type !== NFNL_MSG.BATCH_END);
}

/** Attributes by type, nested ones too, in any order; `skip` are top-level ones that do not count. */
function tree(payload: Uint8Array, skip: readonly number[] = []): unknown {
  const reader = new ByteReader(payload);
  const entries: (readonly [number, unknown])[] = [];
  while (reader.remaining >= 4) {
    const length = reader.u16();
    const type = reader.u16();
    const value = reader.take(length - 4);
    reader.skip(Math.min(-length & 3, reader.remaining));
    const isNested = (type & NLA_F.NESTED) !== 0;
    if (!skip.includes(type & ~NLA_F.NESTED))
      entries.push([type, isNested ? tree(value) : Buffer.from(value).toString("hex")]);
  }
  return entries.sort(([a], [b]) => a - b);
}

function assertSame(change: NftChange, command: string, skip: readonly number[] = []): void {
  const view = ({ type, flags, payload }: Message): unknown => ({
    type,
    flags: flags & ~NLM_F.ACK,
    family: Buffer.from(payload.subarray(0, 4)).toString("hex"),
    attributes: tree(payload.subarray(4), skip),
  });
  const ours = inner(decodeMessages(encodeBatch([change]).datagram)).map(view);
  assert.deepEqual(ours, inner(goldenMessages("nftables", command)).map(view), command);
}

test("tables and chains are made, emptied and removed with the bytes of nft", () => {
  assertSame({ ...T, change: "add-table" }, "nft add table");
  for (const [command, chain] of CHAINS) {
    assertSame({ ...T, change: "add-chain", chain }, `nft add chain ip t ${command}`);
  }
  assertSame({ ...T, change: "flush-chain", chain: "forward" }, "nft flush chain");
  assertSame({ ...T, change: "delete-chain", chain: "forward" }, "nft delete chain");
  assertSame({ ...T, change: "delete-set", set: "open-ranges" }, "nft delete set");
  assertSame({ ...T, change: "delete-table" }, "nft delete table");
});

test("sets and maps are made with the attributes of nft, but for its own notes on concatenations", () => {
  for (const set of SETS) {
    const kind = set.data === undefined ? "set" : "map";
    const skip = set.key.length > 1 ? [NFTA_SET.USERDATA, NFTA_SET.ID] : [NFTA_SET.ID];
    assertSame({ ...T, change: "add-set", set }, `nft add ${kind} ip t ${set.name}`, skip);
  }
});

test("an element is added with the attributes of nft", () => {
  const skip = [NFTA_SET_ELEM_LIST.SET_ID];
  for (const [command, set, elements] of ELEMENTS) {
    if (elements.length > 1 || set === SOURCES) continue;
    assertSame({ ...T, change: "add-elements", set, elements }, `nft add element ip t ${command}`, skip);
  }
});

test("rules are appended with the attributes of nft, which names sets by number too", () => {
  for (const [command, chain, rule] of RULES) {
    if (rule.expressions.some(({ kind }) => kind === "lookup")) continue;
    assertSame({ ...T, change: "append-rule", chain, rule }, `nft add rule ip t ${command}`);
  }
});

test("what we write is read as what it means", () => {
  const written = (change: NftChange): Message =>
    inner(decodeMessages(encodeBatch([change]).datagram))[0] ?? assert.fail();
  for (const [, chain, rule] of RULES) {
    assert.deepEqual(decodeRule(written({ ...T, change: "append-rule", chain, rule })), { chain, ...rule });
  }
  for (const [, set, elements] of ELEMENTS) {
    const found = decodeElements(written({ ...T, change: "add-elements", set, elements }));
    assert.deepEqual(set.interval && set.key.length === 1 ? joinRanges(found) : found, elements);
  }
});

test("what nft wrote is read as what it means", () => {
  const read = (command: string): Message => inner(goldenMessages("nftables", command))[0] ?? assert.fail(command);
  for (const [command, chain, rule] of RULES) {
    assert.deepEqual(decodeRule(read(`nft add rule ip t ${command}`)), { chain, ...rule });
  }
  for (const [command, chain] of CHAINS) {
    const policy = "hook" in chain ? { policy: "accept" as const } : {};
    assert.deepEqual(decodeChain(read(`nft add chain ip t ${command}`), "t"), { ...policy, ...chain });
  }
  for (const set of SETS) {
    assert.deepEqual(decodeSet(read(`nft add ${set.data === undefined ? "set" : "map"} ip t ${set.name}`)), set);
  }
  for (const [command, set, elements] of ELEMENTS) {
    const found = decodeElements(read(`nft add element ip t ${command}`));
    assert.deepEqual(set.interval && set.key.length === 1 ? joinRanges(found) : found, elements);
  }
});

test("an instruction, a verdict or an option that we never write is read as unknown", () => {
  const message = inner(goldenMessages("nftables", "nft add rule ip t prerouting ip daddr 127.0.0.11"))[0];
  assert.ok(message);
  const text = Buffer.from(message.payload).toString("latin1");
  const other = Uint8Array.from(Buffer.from(text.replace("cmp\0", "xyz\0"), "latin1"));
  const kinds = decodeRule({ ...message, payload: other })?.expressions.map(({ kind }) => kind);
  assert.ok(kinds?.includes("unknown"));
});

test("any bytes are read to values or a WireError", () => {
  const goldens = readGoldens("nftables").flatMap((golden) => inner(decodeMessages(golden.bytes)));
  const mutated = fc
    .tuple(fc.constantFrom(...goldens), fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { maxLength: 6 }), fc.nat(400))
    .map(([golden, changes, length]) => {
      const payload = Uint8Array.from(golden.payload.subarray(0, Math.max(4, golden.payload.length - (length % 40))));
      for (const [offset, value] of changes) payload[offset % payload.length] = value;
      return payload;
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 200 })), (payload) => {
      const message: Message = { type: nftMessageType("NEWRULE"), flags: 0, sequence: 1, port: 0, payload };
      for (const decode of [decodeRule, decodeSet, decodeElements, (one: Message) => decodeChain(one, "t")]) {
        try {
          decode(message);
        } catch (cause) {
          assert.ok(cause instanceof WireError, String(cause));
        }
      }
    }),
    { numRuns: 3000 },
  );
});

test("ranges of one field come back from what is sent for them, in any order", () => {
  const range = fc.tuple(fc.nat(250), fc.nat(5)).map(([first, more]) => [first, Math.min(first + more, 255)] as const);
  fc.assert(
    fc.property(fc.array(range, { maxLength: 8 }), fc.nat(), (ranges, seed) => {
      const disjoint: NftElement[] = [];
      for (const [first, last] of ranges.toSorted(([a], [b]) => a - b)) {
        const previous = disjoint.at(-1)?.keyEnd?.[1] ?? -1;
        if (first > previous) disjoint.push({ key: bytes(255, first), keyEnd: bytes(255, last) });
      }
      const set: NftSetType = { name: "s", key: ["inet_service"], interval: true };
      const [message] = inner(
        decodeMessages(encodeBatch([{ ...T, change: "add-elements", set, elements: disjoint }]).datagram),
      );
      const sent = message === undefined ? [] : decodeElements(message);
      const turned = sent.toSorted(
        (a, b) => ((seed >> ((a.key[1] ?? 0) % 16)) & 1) - ((seed >> ((b.key[1] ?? 0) % 16)) & 1),
      );
      assert.deepEqual(joinRanges(turned), disjoint);
    }),
  );
});
