/** The example plugin under causewayd: what its README promises. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TestDaemon } from "../../test/support/daemon.ts";
import { DockerLines } from "../../test/support/docker-lines.ts";
import { startPtp } from "../../test/support/recorded-plugins.ts";
import { play, SOCKET } from "./play.fixture.ts";

test("under causewayd, containers of the example reach the host and each other", async () => {
  await using ptp = await startPtp(SOCKET);
  assert.ok(ptp);
  await using daemon = await TestDaemon.start();
  await play(new DockerLines(daemon));
});
