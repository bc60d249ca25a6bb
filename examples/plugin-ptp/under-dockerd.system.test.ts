/** The example plugin under the real dockerd: what its README promises. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { TestDockerd, withoutDockerd } from "../../test/support/dockerd.ts";
import { DockerLines } from "../../test/support/docker-lines.ts";
import { startPtp } from "../../test/support/recorded-plugins.ts";
import { play, SOCKET } from "./play.fixture.ts";

test(
  "under dockerd, containers of the example reach the host and each other",
  { skip: withoutDockerd() ?? false },
  async () => {
    await using ptp = await startPtp(SOCKET);
    assert.ok(ptp);
    await using daemon = await TestDockerd.start();
    await play(new DockerLines(daemon));
  },
);
