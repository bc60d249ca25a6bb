/** Records go to the store and come back the same; what the store cannot mean is refused, naming the field. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../addr/ip-address.ts";
import { parseMac } from "../../addr/mac-address.ts";
import { openMemoryStore } from "../../store/memory-store.ts";
import type { Json } from "../../store/store.ts";
import type { ContainerState } from "../container.ts";
import { PLAIN_SPEC } from "../plain-spec.fixture.ts";
import { PLAIN_RECORD } from "./container-record.fixture.ts";
import { decodeContainer, encodeContainer, type ContainerRecord } from "./container-record.ts";

function through(record: ContainerRecord): ContainerRecord {
  using store = openMemoryStore();
  store.commit([{ put: "containers", id: record.id, value: encodeContainer(record) }]);
  const stored = store.get("containers", record.id);
  assert.ok(stored);
  return decodeContainer(stored);
}

const full: ContainerRecord = {
  ...PLAIN_RECORD,
  sandboxId: "s",
  spec: {
    ...PLAIN_SPEC,
    name: "n",
    command: ["a", "b"],
    entrypoint: [""],
    user: "u",
    hostname: "h",
    stopTimeoutSeconds: -1,
    shmSize: 5,
    network: { kind: "container", reference: "other" },
    endpoints: {
      backend: {
        ipv4Address: parseAddress("10.0.0.9"),
        ipv6Address: parseAddress("fd00::9"),
        linkLocal: [parseAddress("169.254.1.1")],
        mac: parseMac("02:42:00:00:00:01"),
        aliases: ["x"],
        links: ["a:b"],
        options: { k: "v" },
        gatewayPriority: -3,
      },
      empty: {},
    },
    dns: { servers: [parseAddress("9.9.9.9")], search: ["example"], options: ["ndots:1"] },
    extraHosts: [
      { name: "gw", address: "host-gateway" },
      { name: "ip", address: parseAddress("::1") },
    ],
    mounts: [{ type: "bind", source: "/a", target: "/b", readOnly: true, propagation: "rslave" }],
    resources: { memory: 1, nanoCpus: 2, ulimits: [{ name: "nofile", soft: 1, hard: 2 }] },
    document: { nested: [1, null, { big: "x" }] },
  },
};

test("a record with everything in it comes back the same", () => {
  assert.deepEqual(through(full), full);
  assert.deepEqual(through(PLAIN_RECORD), PLAIN_RECORD);
});

const states: readonly ContainerState[] = [
  { status: "created" },
  { status: "running", pid: 1, startedNs: 2n },
  { status: "paused", pid: 1, startedNs: 2n },
  { status: "restarting", exitCode: 1, startedNs: 2n, finishedNs: 3n },
  { status: "removing", exitCode: 1 },
  { status: "exited", exitCode: 1, finishedNs: 3n, oomKilled: true, error: "why" },
  { status: "exited", exitCode: 1, startedNs: 2n, finishedNs: 3n, oomKilled: false },
];

for (const state of states) {
  test(`the state ${state.status} (${Object.keys(state).length} fields) comes back the same`, () => {
    assert.deepEqual(through({ ...PLAIN_RECORD, state }).state, state);
  });
}

test("a broken field is named", () => {
  const encoded: Record<string, Json> = JSON.parse(JSON.stringify(encodeContainer(full)));
  const broken = (change: Record<string, Json>): (() => unknown) => {
    return () => decodeContainer({ id: "i", revision: 1, value: { ...encoded, ...change } });
  };
  assert.throws(broken({ state: { status: "flying" } }), /containers\/i\.state\.status/);
  assert.throws(broken({ createdNs: 5 }), /containers\/i\.createdNs/);
  assert.throws(broken({ spec: null }), /containers\/i\.spec/);
});
