/** The forwarder against servers that do as they are told, in time that the test moves. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { parseAddress, formatAddress } from "../../addr/ip-address.ts";
import { RCODE } from "../message/codes.ts";
import { encodeName } from "../message/name.ts";
import { decodeQuery } from "../message/query.ts";
import type { ForwardOutcome } from "../server/request.ts";
import type { DnsUpstream } from "../dns.ts";
import type { Exchange, ExchangeRequest } from "./exchange.ts";
import { AnswerCache } from "./answer-cache.ts";
import { Forwarder } from "./forwarder.ts";
import { ServerHealth } from "./server-health.ts";

beforeEach(() => mock.timers.enable({ apis: ["setTimeout", "Date"] }));
afterEach(() => mock.timers.reset());

/** Remembers who was asked, and lets the test answer. */
class FakeExchange implements Exchange {
  readonly open = new Map<string, ExchangeRequest>();
  readonly asked: string[] = [];
  readonly ids = new Set<number>();

  start(request: ExchangeRequest): () => void {
    const server = formatAddress(request.upstream.address);
    this.asked.push(server);
    this.open.set(server, request);
    this.ids.add(((request.message[0] ?? 0) << 8) | (request.message[1] ?? 0));
    return () => {
      if (this.open.get(server) === request) this.open.delete(server);
    };
  }

  answer(server: string, rcode: number): void {
    const request = this.open.get(server);
    assert.ok(request !== undefined, `${server} is not being asked`);
    const message = Uint8Array.from(request.message);
    message[2] = 0x81;
    message[3] = 0x80 | rcode;
    request.onMessage(message);
  }

  fail(server: string): void {
    this.open.get(server)?.onFailure("unreachable");
  }
}

function setUp(servers: readonly string[], limits = { total: 20, waiting: 10 }) {
  const exchange = new FakeExchange();
  const upstreams = servers.map((text): DnsUpstream => ({ address: parseAddress(text), port: 53, from: "host" }));
  let id = 0x1111;
  const forwarder = new Forwarder({
    exchange,
    health: new ServerHealth({ now: () => Date.now() }),
    upstreams: () => upstreams,
    onAnswer: () => undefined,
    randomId: () => (id += 7),
    cache: new AnswerCache({ now: () => Date.now() }),
    limits,
  });
  const outcomes: (number | string)[] = [];
  const ask = (name: string, sandboxId = "s", transport: "udp" | "tcp" = "udp"): void => {
    const encoded = encodeName(name) ?? Buffer.of(0);
    const message = Buffer.concat([
      Buffer.from([0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
      encoded,
      Buffer.from([0, 1, 0, 1]),
    ]);
    const decoded = decodeQuery(message);
    assert.ok(decoded.kind === "query");
    const respond = (outcome: ForwardOutcome): void => void outcomes.push(describe(outcome));
    forwarder.forward({ sandboxId, query: decoded.query, message, transport, respond });
  };
  return { exchange, forwarder, outcomes, ask };
}

/** The answer's code with the client's id restored, or `failure N`. */
function describe(outcome: ForwardOutcome): number | string {
  if (outcome.kind === "failure") return `failure ${outcome.rcode}`;
  assert.deepEqual([...outcome.message.subarray(0, 2)], [0xab, 0xcd]);
  return (outcome.message[3] ?? 0) & 15;
}

test("the first server's answer is the client's, under the client's id, and nothing stays open", () => {
  const { exchange, outcomes, ask } = setUp(["192.0.2.1", "192.0.2.2"]);
  ask("a.example");
  exchange.answer("192.0.2.1", RCODE.NOERROR);
  assert.deepEqual(outcomes, [0]);
  assert.deepEqual(exchange.asked, ["192.0.2.1"]);
  mock.timers.tick(60_000);
  assert.deepEqual([exchange.open.size, outcomes.length], [0, 1]);
  assert.ok(!exchange.ids.has(0xabcd));
});

for (const [what, rcode] of [
  ["NXDOMAIN", 3],
  ["FORMERR", 1],
  ["NOTIMP", 4],
] as const) {
  test(`${what} is returned as it is`, () => {
    const { exchange, outcomes, ask } = setUp(["192.0.2.1", "192.0.2.2"]);
    ask("a.example");
    exchange.answer("192.0.2.1", rcode);
    assert.deepEqual(outcomes, [rcode]);
  });
}

test("SERVFAIL, REFUSED and an unreachable server lead to the next at once, and after the last to SERVFAIL", () => {
  const { exchange, outcomes, ask } = setUp(["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
  ask("a.example");
  exchange.answer("192.0.2.1", RCODE.SERVFAIL);
  exchange.answer("192.0.2.2", RCODE.REFUSED);
  exchange.fail("192.0.2.3");
  assert.deepEqual(exchange.asked, ["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
  assert.deepEqual(outcomes, ["failure 2"]);
});

test("a server that failed counts once, whatever it says later, and is no longer listened to", () => {
  const { exchange, outcomes, ask } = setUp(["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
  ask("a.example");
  const first = exchange.open.get("192.0.2.1");
  exchange.answer("192.0.2.1", RCODE.SERVFAIL);
  first?.onFailure("connection closed");
  first?.onFailure("connection closed");
  assert.deepEqual(exchange.asked, ["192.0.2.1", "192.0.2.2"]);
  assert.deepEqual([...exchange.open.keys()], ["192.0.2.2"]);
  assert.deepEqual(outcomes, []);
});

test("a slow server is joined by the next after about a second, and may still win", () => {
  const { exchange, outcomes, ask } = setUp(["192.0.2.1", "192.0.2.2"]);
  ask("a.example");
  mock.timers.tick(1000);
  assert.deepEqual(exchange.asked, ["192.0.2.1"]);
  mock.timers.tick(200);
  assert.deepEqual(exchange.asked, ["192.0.2.1", "192.0.2.2"]);
  exchange.answer("192.0.2.1", RCODE.NOERROR);
  assert.deepEqual(outcomes, [0]);
  assert.equal(exchange.open.size, 0);
});

test("silence ends in SERVFAIL before the client's five seconds; silent servers are then asked last and waited for less", () => {
  const { exchange, outcomes, ask } = setUp(["192.0.2.1", "192.0.2.2"]);
  ask("a.example");
  mock.timers.tick(4499);
  assert.deepEqual(outcomes, []);
  mock.timers.tick(1);
  assert.deepEqual(outcomes, ["failure 2"]);
  ask("b.example");
  mock.timers.tick(1000);
  assert.equal(outcomes.length, 2);
  mock.timers.tick(10_000);
  ask("c.example");
  exchange.answer("192.0.2.1", RCODE.NOERROR);
  assert.deepEqual(outcomes.slice(2), [0]);
});

test("one silent server among good ones is asked after them until it had time to recover", () => {
  const { exchange, outcomes, ask } = setUp(["192.0.2.1", "192.0.2.2"]);
  ask("a.example");
  mock.timers.tick(4500);
  ask("b.example");
  exchange.answer("192.0.2.1", RCODE.SERVFAIL);
  exchange.answer("192.0.2.2", RCODE.NOERROR);
  exchange.asked.length = 0;
  ask("c.example");
  assert.deepEqual(exchange.asked, ["192.0.2.1"]);
  assert.deepEqual(outcomes, ["failure 2", 0]);
});

test("a lone server is asked twice over UDP, once over TCP", () => {
  const { exchange, ask } = setUp(["192.0.2.1"]);
  ask("a.example");
  mock.timers.tick(2000);
  assert.equal(exchange.asked.length, 2);
  ask("a.example", "s", "tcp");
  mock.timers.tick(2000);
  assert.equal(exchange.asked.length, 3);
});

test("too many queries of one sandbox are refused, and another's are not", () => {
  const { outcomes, ask } = setUp(["192.0.2.1"], { total: 4, waiting: 1 });
  for (const name of ["a.x", "b.x", "c.x", "d.x"]) ask(name);
  assert.deepEqual(outcomes, ["failure 5"]);
  ask("e.x", "other");
  assert.deepEqual(outcomes, ["failure 5"]);
});

test("a query that waited its whole time without a turn ends in SERVFAIL, and gives its place back", () => {
  const { exchange, outcomes, ask } = setUp(["192.0.2.1"], { total: 1, waiting: 5 });
  ask("a.example");
  ask("b.example");
  mock.timers.tick(4501);
  assert.deepEqual(outcomes, ["failure 2", "failure 2"]);
  mock.timers.tick(20_000);
  ask("c.example");
  exchange.answer("192.0.2.1", RCODE.NOERROR);
  assert.deepEqual(outcomes.slice(2), [0]);
});

test("what a dropped sandbox asked is forgotten, and its places are free", () => {
  const { exchange, forwarder, outcomes, ask } = setUp(["192.0.2.1"], { total: 1, waiting: 5 });
  ask("a.example");
  ask("b.example");
  forwarder.drop("s");
  assert.equal(exchange.open.size, 0);
  ask("c.example", "other");
  exchange.answer("192.0.2.1", RCODE.NOERROR);
  mock.timers.tick(60_000);
  assert.deepEqual(outcomes, [0]);
});
