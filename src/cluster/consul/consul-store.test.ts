/** The store over Consul where there is no Consul. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { describe, it } from "node:test";
import { silentLog } from "../../base/log.ts";
import type { ClusterStore } from "../cluster-store.ts";
import { rubbishContract } from "../contract/rubbish.contract.ts";
import { everyCallFails } from "../contract/world.fixture.ts";
import { openConsulStore } from "./consul-store.ts";

function openAt(...ports: readonly [number, ...number[]]): ClusterStore {
  const [first, ...others] = ports.map((port) => ({ host: "127.0.0.1", port }));
  assert.ok(first);
  return openConsulStore({ hosts: [first, ...others], prefix: "", log: silentLog });
}

rubbishContract("consul", openAt);

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function serve(answer: (path: string) => Answer) {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(request.url ?? "");
    const { status, text } = answer(request.url ?? "");
    response.writeHead(status, { "X-Consul-Index": "7" }).end(text);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { port: address.port, paths, stop };
}

/** In place of every answer. */
const ANSWERS: Readonly<Record<string, Answer>> = {
  "no JSON": { status: 200, text: "<html>" },
  "JSON cut short": { status: 200, text: '[{"Key":"a/b","Val' },
  "an empty object": { status: 200, text: "{}" },
  "an empty list": { status: 200, text: "[]" },
  null: { status: 200, text: "null" },
  "keys without values": { status: 200, text: '[{"Key":5}]' },
  "keys of somebody else": { status: 200, text: '[{"Key":"other","Value":null,"ModifyIndex":"x"}]' },
  "a refusal without reasons": { status: 409, text: '{"Results":null,"Errors":[]}' },
  "a refusal of what was not asked": { status: 409, text: '{"Errors":[{"OpIndex":99,"What":"no"}]}' },
  "a page that is not there": { status: 404, text: "404 page not found" },
  "no permission": { status: 403, text: "Permission denied" },
  "an error of its own": { status: 500, text: "boom" },
  "a redirection": { status: 301, text: "" },
};

describe("consul as a cluster store over strange answers", { concurrency: true }, () => {
  for (const [what, answer] of Object.entries(ANSWERS)) {
    it(`fails in time where a server answers ${what}`, async () => {
      const { port, stop } = await serve(() => answer);
      const store = openAt(port);
      await everyCallFails(store, "a");
      await store[Symbol.asyncDispose]();
      stop();
    });
  }
});

it("consul: an error names the store, and each server with what is wrong with it", async () => {
  const { port, stop } = await serve(() => ({ status: 500, text: "boom" }));
  await using alone = openAt(1);
  await assert.rejects(alone.get("a"), /^EngineError: cluster store consul:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
  await using two = openAt(1, port);
  await assert.rejects(two.get("a"), /: boom$/);
  stop();
});

it("consul: an election is waited for, and a write is not repeated that may have been carried out", async () => {
  const answers = ["No cluster leader", "No cluster leader", "rpc error: leadership lost while committing log"];
  const { port, paths, stop } = await serve(() => ({ status: 500, text: answers.shift() ?? "too many" }));
  await using store = openAt(port);
  await assert.rejects(store.commit({ puts: [{ key: "a", value: "1" }] }), /: rpc error: leadership lost/);
  assert.deepEqual(paths, ["/v1/txn", "/v1/txn", "/v1/txn"]);
  stop();
});

it("consul: a server that is not there is passed over, also for writes", async () => {
  const { port, paths, stop } = await serve(() => ({ status: 200, text: '{"Results":[],"Errors":null}' }));
  await using store = openAt(1, port);
  assert.equal(await store.commit({ puts: [{ key: "a", value: "1" }] }), true);
  assert.equal(await store.commit({ puts: [{ key: "a", value: "1" }] }), true);
  assert.deepEqual(paths, ["/v1/txn", "/v1/txn"]);
  stop();
});

it("consul: a session takes the least time to live that Consul grants", async () => {
  const id = "f2d31045-1fb0-26c9-60be-2261239a8f48";
  const answers: Answer[] = [
    { status: 500, text: "Invalid Session TTL '1000000000', must be between [15s=24h0m0s]" },
    { status: 200, text: JSON.stringify({ ID: id }) },
  ];
  const { port, stop } = await serve((path) =>
    path === "/v1/session/create" ? (answers.shift() ?? { status: 500, text: "" }) : { status: 200, text: "true" },
  );
  await using store = openAt(port);
  const session = await store.openSession(1_000);
  assert.equal(session.id, id);
  assert.equal(session.ttlMs, 15_000);
  await session[Symbol.asyncDispose]();
  stop();
});
