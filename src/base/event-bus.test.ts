/** Events reach whoever listens, in order, and only the newest are remembered. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { EventBus, type EngineEvent } from "./event-bus.ts";

function emitter(): { bus: EventBus; emit: (actorId: string) => void } {
  let time = 0n;
  const bus = new EventBus({ now: () => 0, nowNs: () => ++time });
  const emit = (actorId: string): void => bus.emit({ type: "network", action: "create", actorId, attributes: {} });
  return { bus, emit };
}

it("a listener hears each event once, with its time, until it unsubscribes", () => {
  const { bus, emit } = emitter();
  const heard: EngineEvent[] = [];
  const unsubscribe = bus.subscribe((event) => heard.push(event));
  emit("a");
  emit("b");
  unsubscribe();
  unsubscribe();
  emit("c");
  assert.deepEqual(
    heard.map(({ actorId, timeNs }) => [actorId, timeNs]),
    [
      ["a", 1n],
      ["b", 2n],
    ],
  );
});

it("the newest 256 events are remembered, oldest first", () => {
  const { bus, emit } = emitter();
  for (let index = 0; index < 300; index++) emit(String(index));
  const remembered = bus.recent();
  assert.equal(remembered.length, 256);
  assert.deepEqual([remembered[0]?.actorId, remembered.at(-1)?.actorId], ["44", "299"]);
});

it("what was recent when asked does not change afterwards", () => {
  const { bus, emit } = emitter();
  emit("a");
  const remembered = bus.recent();
  emit("b");
  assert.equal(remembered.length, 1);
});

it("a listener may unsubscribe while it hears an event, and others still hear it", () => {
  const { bus, emit } = emitter();
  const heard: string[] = [];
  const unsubscribe = bus.subscribe(() => {
    heard.push("first");
    unsubscribe();
  });
  bus.subscribe(() => heard.push("second"));
  emit("a");
  emit("b");
  assert.deepEqual(heard, ["first", "second", "second"]);
});
