import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseAddress } from "../../addr/ip-address.ts";
import type { DnsUpstream } from "../dns.ts";
import { TYPE } from "../message/codes.ts";
import { encodeName } from "../message/name.ts";
import { decodeQuery, type Query } from "../message/query.ts";
import { decodeResponse } from "../message/response.ts";
import { AnswerCache, type CacheQuestion } from "./answer-cache.ts";

const HOST_SERVER: DnsUpstream = { address: parseAddress("192.0.2.53"), port: 53, from: "host" };
const NO_OPTIONS = Buffer.from([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
const COOKIE = Buffer.from([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 12, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8]);

interface Asking {
  readonly type?: number;
  readonly id?: number;
  readonly opt?: Uint8Array;
  readonly sandboxId?: string;
  readonly upstreams?: readonly DnsUpstream[];
}

function name(text: string): Uint8Array {
  const wire = encodeName(text);
  assert.ok(wire !== undefined);
  return wire;
}

/** `encodeName` keeps letters as they are. */
function ask(text: string, asking: Asking = {}): CacheQuestion {
  const { type = TYPE.A, id = 7, opt = new Uint8Array(), sandboxId = "s1", upstreams = [HOST_SERVER] } = asking;
  const header = Buffer.from([0, id, 1, 0, 0, 1, 0, 0, 0, 0, 0, opt.length > 0 ? 1 : 0]);
  const message = Buffer.concat([header, name(text), Buffer.from([0, type, 0, 1]), opt]);
  const decoded = decodeQuery(message);
  assert.ok(decoded.kind === "query");
  return { query: decoded.query, message, sandboxId, upstreams };
}

function record(type: number, ttl: number, data: Uint8Array): Uint8Array {
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]);
  head.writeUInt32BE(ttl, 6);
  return Buffer.concat([head, data]);
}

const address = (ttl: number): Uint8Array => record(TYPE.A, ttl, Buffer.from([192, 0, 2, 7]));

function soa(ttl: number, minimum: number): Uint8Array {
  const numbers = Buffer.alloc(20);
  numbers.writeUInt32BE(minimum, 16);
  return record(TYPE.SOA, ttl, Buffer.concat([name("ns.example"), name("admin.example"), numbers]));
}

interface Answering {
  readonly rcode?: number;
  readonly answers?: readonly Uint8Array[];
  readonly authorities?: readonly Uint8Array[];
  readonly truncated?: boolean;
}

function store(cache: AnswerCache, question: CacheQuestion, answering: Answering): void {
  const { rcode = 0, answers = [], authorities = [], truncated = false } = answering;
  const { message, query } = question;
  const reply = Buffer.concat([message.subarray(0, query.questionEnd), ...answers, ...authorities]);
  reply.set([truncated ? 0x83 : 0x81, 0x80 | rcode], 2);
  reply.set([answers.length, 0, authorities.length, 0, 0], 7);
  const response = decodeResponse(reply, query, query.id);
  assert.ok(response !== undefined);
  cache.store(question, reply, response);
}

function setUp(maxBytes?: number) {
  const clock = { ms: 1_000_000, now: () => clock.ms };
  const cache = new AnswerCache(clock, maxBytes);
  const ttl = (question: CacheQuestion): number | undefined => {
    const found = cache.find(question);
    if (found === undefined) return undefined;
    return new DataView(found.message.buffer).getUint32(found.response.questionEnd + 6);
  };
  return { cache, clock, ttl };
}

test("an answer is given again with the time its records have left, and not a second longer", () => {
  const { cache, clock, ttl } = setUp();
  store(cache, ask("a.example"), { answers: [address(30), address(20)] });
  assert.equal(ttl(ask("a.example")), 30);
  clock.ms += 12_900;
  assert.equal(ttl(ask("a.example")), 18);
  clock.ms += 7_000;
  assert.equal(ttl(ask("a.example")), 11);
  clock.ms += 100;
  assert.equal(ttl(ask("a.example")), undefined);
  assert.equal(cache.bytes, 0);
});

test("the answer has the asker's id and the asker's spelling of the name", () => {
  const { cache } = setUp();
  store(cache, ask("a.example", { id: 1 }), { answers: [address(30)] });
  const asked = ask("A.eXample", { id: 99 });
  const found = cache.find(asked);
  assert.deepEqual(Buffer.from(found?.message.subarray(0, 2) ?? []), Buffer.from(asked.message.subarray(0, 2)));
  assert.deepEqual(Buffer.from(found?.message.subarray(12, 23) ?? []), Buffer.from(asked.message.subarray(12, 23)));
});

test("there being nothing is believed as long as the SOA says, at most a minute, and without an SOA not at all", () => {
  for (const [what, rcode] of [
    ["nodata.example", 0],
    ["nx.example", 3],
  ] as const) {
    const { cache, clock } = setUp();
    store(cache, ask(what), { rcode, authorities: [soa(600, 5)] });
    clock.ms += 4_999;
    assert.ok(cache.find(ask(what)), what);
    clock.ms += 1;
    assert.equal(cache.find(ask(what)), undefined, what);
    store(cache, ask(what), { rcode, authorities: [soa(90_000, 90_000)] });
    clock.ms += 60_000;
    assert.equal(cache.find(ask(what)), undefined, what);
    store(cache, ask(what), { rcode });
    assert.equal(cache.find(ask(what)), undefined, what);
  }
});

test("failures, truncated answers, TTL 0, questions with options and whole-zone questions are not kept", () => {
  const { cache } = setUp();
  store(cache, ask("a.example"), { rcode: 2, answers: [address(30)] });
  store(cache, ask("a.example"), { truncated: true, answers: [address(30)] });
  store(cache, ask("a.example"), { answers: [address(30), address(0)] });
  store(cache, ask("a.example", { type: 255 }), { answers: [address(30)] });
  store(cache, ask("a.example", { opt: COOKIE }), { answers: [address(30)] });
  assert.equal(cache.bytes, 0);
});

test("another type, EDNS0 or not, and other servers are other questions", () => {
  const { cache } = setUp();
  store(cache, ask("a.example"), { answers: [address(30)] });
  const second: DnsUpstream = { ...HOST_SERVER, port: 54 };
  assert.equal(cache.find(ask("a.example", { type: TYPE.AAAA })), undefined);
  assert.equal(cache.find(ask("a.example", { opt: NO_OPTIONS })), undefined);
  assert.equal(cache.find(ask("a.example", { upstreams: [second] })), undefined);
  assert.equal(cache.find(ask("a.example", { upstreams: [HOST_SERVER, second] })), undefined);
  assert.ok(cache.find(ask("a.example", { sandboxId: "s2" })), "two sandboxes with the same servers share");
});

test("what a server inside one sandbox said is not told to another", () => {
  const { cache } = setUp();
  const upstreams: readonly DnsUpstream[] = [{ ...HOST_SERVER, from: "sandbox" }];
  store(cache, ask("a.example", { upstreams }), { answers: [address(30)] });
  assert.ok(cache.find(ask("a.example", { upstreams })));
  assert.equal(cache.find(ask("a.example", { upstreams, sandboxId: "s2" })), undefined);
});

test("memory has a bound, and what was used last stays", () => {
  const { cache } = setUp(20_000);
  store(cache, ask("keep.example"), { answers: [address(3000)] });
  for (let index = 0; index < 500; index++) {
    store(cache, ask(`n${index}.example`), { answers: [address(3000)] });
    assert.ok(cache.find(ask("keep.example")));
    assert.ok(cache.bytes <= 20_000);
  }
  assert.equal(cache.find(ask("n0.example")), undefined);
});

test("no bytes that a server may send make it throw, or live for ever", () => {
  const query: Query = ask("a.example").query;
  const head = ask("a.example").message;
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ minLength: 6, maxLength: 6 }), (tail, counts) => {
      const { cache, clock } = setUp();
      const message = Buffer.concat([head, tail]);
      message.set([0x81, 0x80], 2);
      message.set(counts, 6);
      cache.store(ask("a.example"), message, { rcode: 0, truncated: false, questionEnd: query.questionEnd });
      clock.ms += 3_600_000;
      assert.equal(cache.find(ask("a.example")), undefined);
    }),
  );
});
