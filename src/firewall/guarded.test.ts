/** When a guarded firewall looks at its rules, when it does not, and what it does when looking fails. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { silentLog } from "../base/log.ts";
import { FakeFirewall } from "./fake.ts";
import { GuardedFirewall } from "./guarded.ts";
import { DOCKER0 } from "./policies.fixture.ts";

/** A firewall under a kernel whose rules anybody can change. */
class Attacked extends FakeFirewall {
  generation = 0;
  exact = true;
  repairs = 0;
  failure: Error | undefined;
  readonly messages: string[] = [];
  readonly kernel = {
    filterGeneration: () => Promise.resolve({ id: String(this.generation), exact: this.exact }),
  };
  readonly log = {
    ...silentLog,
    warn: (_: object, message: string) => void this.messages.push(message),
    error: (_: object, message: string) => void this.messages.push(message),
  };

  override async apply(...change: Parameters<FakeFirewall["apply"]>): Promise<void> {
    this.generation++;
    return super.apply(...change);
  }

  override async repair(): Promise<{ readonly added: number; readonly removed: number }> {
    this.repairs++;
    if (this.failure !== undefined) throw this.failure;
    this.generation++;
    return Promise.resolve({ added: 3, removed: 0 });
  }
}

async function until(look: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!look()) {
    assert.ok(performance.now() < deadline, "not within 5 s");
    await pause(10);
  }
}

test("a generation that is not ours is looked at once, and the log says so", async () => {
  const inner = new Attacked();
  await using firewall = new GuardedFirewall(inner, inner);
  await firewall.reconcile([DOCKER0]);
  await firewall.apply({ add: [DOCKER0], remove: [] });
  inner.generation += 7;
  await until(() => inner.repairs === 1);
  await until(() => inner.messages.some((message) => /somebody else changed firewall rules of ours/.test(message)));
});

test("a change of somebody else just before one of ours is seen", async () => {
  const inner = new Attacked();
  await using firewall = new GuardedFirewall(inner, inner);
  await firewall.reconcile([]);
  inner.generation += 7;
  await firewall.apply({ add: [DOCKER0], remove: [] });
  await until(() => inner.repairs === 1);
});

test("a look that learns of our change before we note it ourselves takes it for ours", async () => {
  const inner = new Attacked();
  const held: (() => void)[] = [];
  let hold = false;
  const kernel = {
    filterGeneration: async () => {
      if (hold) await new Promise<void>((resolve) => held.push(resolve));
      return { id: String(inner.generation), exact: true };
    },
  };
  await using firewall = new GuardedFirewall(inner, { kernel, log: inner.log });
  await firewall.reconcile([]);
  hold = true;
  await until(() => held.length === 1);
  hold = false;
  const change = firewall.apply({ add: [DOCKER0], remove: [] });
  hold = true;
  await until(() => held.length === 2);
  held[0]?.();
  await pause(20);
  held[1]?.();
  await change;
  assert.equal(inner.repairs, 0);
  hold = false;
});

test("a repair that fails is told and tried again", async () => {
  const inner = new Attacked();
  await using firewall = new GuardedFirewall(inner, inner);
  await firewall.reconcile([]);
  inner.failure = new Error("another program holds the lock");
  inner.generation += 7;
  await until(() => inner.messages.includes("firewall rules could not be put back: another program holds the lock"));
  inner.failure = undefined;
  await until(() => inner.messages.some((message) => message.endsWith("put back")));
});

test("a kernel that does not answer is no reason to do anything, and no failure of a change", async () => {
  const inner = new Attacked();
  let asked = 0;
  const kernel = {
    filterGeneration: () => {
      asked++;
      return Promise.reject(new Error("no"));
    },
  };
  await using firewall = new GuardedFirewall(inner, { kernel, log: inner.log });
  await firewall.apply({ add: [DOCKER0], remove: [] });
  const askedByChange = asked;
  await until(() => asked > askedByChange + 1);
  assert.deepEqual([inner.repairs, inner.messages], [0, []]);
});
