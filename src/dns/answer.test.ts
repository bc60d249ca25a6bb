import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseAddress } from "../addr/ip-address.ts";
import { Answerer, type Place } from "./answer.ts";
import type { DnsUpstream } from "./dns.ts";
import { decodeName, encodeName } from "./message/name.ts";
import { Snapshot } from "./snapshot.ts";

const ROOM = 65_535;
const UPSTREAM: DnsUpstream = { address: parseAddress("192.0.2.53"), port: 53, from: "host" };

function setUp(upstreams: readonly DnsUpstream[] = []) {
  const snapshot = new Snapshot();
  snapshot.apply([
    { put: "network", network: { id: "n", name: "backend" } },
    ...Array.from({ length: 100 }, (_, index) => {
      const addresses = [parseAddress(`172.18.0.${index}`)];
      return {
        put: "endpoint",
        endpoint: { id: `e${index}`, networkId: "n", names: [`c${index}`, "all"], addresses },
      } as const;
    }),
    {
      put: "sandbox",
      sandbox: { id: "s", networkIds: ["n"], privateAliases: {}, upstreams, external: true, ndotsSet: false },
    },
  ]);
  const memory = new Uint8Array(ROOM + 100);
  return { snapshot, memory, sandbox: snapshot.sandbox("s") };
}

function question(name: string, extra: readonly number[] = []): Uint8Array {
  const encoded = encodeName(name) ?? Buffer.of(0);
  return Buffer.concat([
    Buffer.from([7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, extra.length > 0 ? 1 : 0]),
    encoded,
    Buffer.from([0, 1, 0, 1, ...extra]),
  ]);
}

const udp: Place = { start: 0, room: ROOM, transport: "udp" };

test("addresses come in an order that chance decides, each of them first in turn", () => {
  const { snapshot, memory, sandbox } = setUp();
  const answerer = new Answerer(snapshot, memory);
  const first = new Set<number>();
  for (let round = 0; round < 2000; round++) {
    const verdict = answerer.judge(question("all"), sandbox, { ...udp, transport: "tcp" });
    assert.equal(verdict.kind, "reply");
    first.add(memory[12 + 5 + 4 + 15] ?? 0);
  }
  assert.ok(first.size > 90, `${first.size} of 100`);
});

test("over UDP as many records are sent as fit, with TC; over TCP all", () => {
  const { snapshot, memory, sandbox } = setUp();
  const answerer = new Answerer(snapshot, memory);
  const count = () => ((memory[6] ?? 0) << 8) | (memory[7] ?? 0);
  const short = answerer.judge(question("all"), sandbox, udp);
  assert.ok(short.kind === "reply" && short.size <= 512 && short.size > 480);
  assert.equal((memory[2] ?? 0) & 2, 2);
  assert.equal(count(), Math.floor((512 - 21) / 16));
  const edns = answerer.judge(question("all", [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]), sandbox, udp);
  assert.ok(edns.kind === "reply" && edns.size <= 1232 && edns.size > 1200);
  answerer.judge(question("all"), sandbox, { ...udp, transport: "tcp" });
  assert.equal(count(), 100);
  assert.equal((memory[2] ?? 0) & 2, 0);
});

test("an unknown name is forwarded where there is somebody to ask, else SERVFAIL", () => {
  const alone = setUp();
  const verdict = new Answerer(alone.snapshot, alone.memory).judge(question("c1.example"), alone.sandbox, udp);
  assert.ok(verdict.kind === "reply" && !verdict.local);
  assert.equal((alone.memory[3] ?? 0) & 15, 2);
  const served = setUp([UPSTREAM]);
  const forwarded = new Answerer(served.snapshot, served.memory).judge(question("c1.example"), served.sandbox, udp);
  assert.ok(forwarded.kind === "forward" && forwarded.query.name === "c1.example");
});

test("a sandbox that is not known gets SERVFAIL", () => {
  const { snapshot, memory } = setUp();
  assert.equal(new Answerer(snapshot, memory).judge(question("c1"), undefined, udp).kind, "reply");
  assert.equal((memory[3] ?? 0) & 15, 2);
});

test("whatever a client sends, the answer is one: its id, QR set, within the limit, and nothing written outside", () => {
  const { snapshot, memory, sandbox } = setUp([UPSTREAM]);
  const answerer = new Answerer(snapshot, memory);
  const mutated = fc
    .tuple(fc.array(fc.tuple(fc.nat(40), fc.nat(255)), { maxLength: 6 }), fc.uint8Array({ maxLength: 30 }))
    .map(([edits, tail]) => {
      const message = Buffer.concat([question("all", [0, 0, 41, 2, 0, 0, 0, 0, 0, 0, 0]), tail]);
      for (const [offset, value] of edits) if (offset < message.length) message[offset] = value;
      return message;
    });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 700 })), (message) => {
      memory.fill(0xee);
      const verdict = answerer.judge(message, sandbox, { start: 50, room: 1000, transport: "udp" });
      const size = verdict.kind === "reply" ? verdict.size : 0;
      assert.ok(memory.subarray(0, 50).every((byte) => byte === 0xee) || size === 0);
      if (size === 0) return;
      assert.ok(size >= 12 && size <= Math.max(1000, message.length + 11));
      assert.deepEqual([...memory.subarray(50, 52)], [...message.subarray(0, 2)]);
      assert.equal((memory[52] ?? 0) & 0x80, 0x80);
      if (((memory[54] ?? 0) << 8) + (memory[55] ?? 0) === 1) {
        assert.ok(decodeName(memory.subarray(50, 50 + size), 12));
      }
    }),
    { numRuns: 3000 },
  );
});
