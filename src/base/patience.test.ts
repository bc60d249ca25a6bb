/** Time limits of a process that is held up: by a real answer, in a pipe, that waits for it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { it } from "node:test";
import { afterPatience } from "./patience.ts";

/** Does nothing else for so long, as garbage collection or a long plan does. */
function holdUp(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

it("expires once when nobody answers, and not at all when it is called off", async () => {
  let calls = 0;
  const callOff = afterPatience(5, () => calls++);
  callOff();
  const { promise, resolve } = Promise.withResolvers<void>();
  afterPatience(20, resolve);
  await promise;
  assert.equal(calls, 0);
  await new Promise<void>((done) => afterPatience(0, done));
});

it("does not expire before an answer that came while the process was held up", async () => {
  const echo = spawn("cat", { stdio: ["pipe", "pipe", "ignore"] });
  try {
    echo.stdin.write("ready");
    await once(echo.stdout, "data");
    const { promise, resolve } = Promise.withResolvers<string>();
    echo.stdout.once("data", () => resolve("answered"));
    afterPatience(200, () => resolve("expired"));
    echo.stdin.write("?");
    holdUp(600);
    assert.equal(await promise, "answered");
  } finally {
    echo.kill();
    await once(echo, "close");
  }
});
