/** The local copy answers from the last understood state of each record, and what one record says does not spoil another. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsePrefix } from "../addr/prefix.ts";
import type { Log } from "../base/log.ts";
import { networkKey, poolKey } from "./keys.ts";
import { LocalCopy } from "./local-copy.ts";
import { encodeNetwork, encodePool, type NetworkRecord } from "./records.ts";

const POOL = { subnet: parsePrefix("10.0.0.0/24"), token: "t", host: "h", incarnation: "i" };
const NETWORK: NetworkRecord = { id: "n", name: "shop", subnets: [], body: {}, host: "h", createdMs: 1, pools: [] };

function recorded(): { readonly copy: LocalCopy; readonly errors: string[] } {
  const errors: string[] = [];
  const ignore = (): void => undefined;
  const log: Log = {
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (_fields, message) => void errors.push(message),
  };
  return { copy: new LocalCopy(log, () => 0), errors };
}

describe("the local copy", () => {
  it("still has a pool when a record with its token, copied by hand, is gone again", () => {
    const { copy } = recorded();
    const copied = { ...POOL, subnet: parsePrefix("10.9.0.0/24") };
    for (const pool of [POOL, copied]) {
      copy.put({ key: poolKey(pool.subnet), value: encodePool(pool), version: "1" });
    }
    assert.equal(copy.pools().length, 2);
    copy.remove(poolKey(copied.subnet));
    assert.ok(copy.hasPool("t"));
    assert.deepEqual(copy.pools(), [POOL]);
    copy.remove(poolKey(POOL.subnet));
    assert.ok(!copy.hasPool("t"));
  });

  it("keeps what a record said before it became nonsense, says so once, and knows its version", () => {
    const { copy, errors } = recorded();
    const key = networkKey("n");
    copy.put({ key, value: encodeNetwork(NETWORK), version: "1" });
    for (const version of ["2", "2", "3"]) copy.put({ key, value: "nonsense", version });
    assert.deepEqual(copy.network("n"), NETWORK);
    assert.equal(copy.versionOf(key), "3");
    assert.deepEqual(
      copy.spoilt().map((kept) => kept.key),
      [key],
    );
    assert.equal(errors.length, 2);
    copy.put({ key, value: encodeNetwork({ ...NETWORK, name: "market" }), version: "4" });
    assert.equal(copy.network("n")?.name, "market");
    assert.deepEqual(copy.spoilt(), []);
  });

  it("does not take an answer that is older than what it was told meanwhile", async () => {
    const { copy } = recorded();
    const key = networkKey("n");
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const learning = copy.learn(key, () => promise);
    copy.put({ key, value: encodeNetwork(NETWORK), version: "1" });
    resolve(undefined);
    await learning;
    assert.deepEqual(copy.network("n"), NETWORK);
  });
});
