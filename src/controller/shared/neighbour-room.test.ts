/** Limits on remembered neighbours are raised, never lowered, and left alone where there are none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../base/log.ts";
import type { Step } from "../../kernel/step.ts";
import { ensureNeighbourRoom } from "./neighbour-room.ts";

async function raised(limits: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const steps: Step[] = [];
  const kernel = {
    readSysctl: async (_namespace: string, key: string) => Promise.resolve(limits[key.split("/").at(-1) ?? ""]),
    apply: async (some: readonly Step[]) => {
      steps.push(...some);
      return Promise.resolve();
    },
  };
  await ensureNeighbourRoom(kernel, silentLog);
  return steps.map(({ fact }) => (fact.kind === "sysctl" ? `${fact.key}=${fact.value}` : fact.kind));
}

test("the kernel's own limits are raised, the highest first", async () => {
  assert.deepEqual(await raised({ gc_thresh1: "128", gc_thresh2: "512", gc_thresh3: "1024" }), [
    "net/ipv4/neigh/default/gc_thresh3=65536",
    "net/ipv4/neigh/default/gc_thresh2=49152",
    "net/ipv4/neigh/default/gc_thresh1=8192",
  ]);
});

test("higher limits stay, and where there are none nothing is set", async () => {
  assert.deepEqual(await raised({ gc_thresh1: "128", gc_thresh2: "60000", gc_thresh3: "90000" }), [
    "net/ipv4/neigh/default/gc_thresh1=8192",
  ]);
  assert.deepEqual(await raised({}), []);
});

test("a limit that cannot be set is said, and the others are set", async () => {
  const said: string[] = [];
  const tried: string[] = [];
  const kernel = {
    readSysctl: async () => Promise.resolve("1"),
    apply: async (steps: readonly Step[]) => {
      tried.push(...steps.flatMap(({ fact }) => (fact.kind === "sysctl" ? [fact.key] : [])));
      return Promise.reject(new Error("read-only"));
    },
  };
  await ensureNeighbourRoom(kernel, { ...silentLog, warn: (_fields, message) => void said.push(message) });
  assert.deepEqual([tried.length, said.length], [3, 3]);
  assert.match(said[0] ?? "", /read-only/);
});
