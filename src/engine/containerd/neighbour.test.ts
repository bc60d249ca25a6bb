/** Who listens on a unix socket, as proc(5) tells it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { listenerIsNeighbour, listeningSockets } from "./neighbour.ts";

const CAPTURED = `Num       RefCount Protocol Flags    Type St Inode Path
ffff8881014e4400: 00000002 00000000 00010000 0001 01 21234 /run/containerd/containerd.sock
ffff8881014e4800: 00000003 00000000 00000000 0001 03 21240 /run/containerd/containerd.sock
ffff8881014e4c00: 00000002 00000000 00010000 0001 01    77 /tmp/with a space
ffff8881014e5000: 00000002 00000000 00010000 0001 01 21300 @abstract
ffff8881014e5400: 00000003 00000000 00000000 0001 03 21301
`;

test("listening sockets are told from connected, abstract and nameless ones", () => {
  assert.deepEqual(listeningSockets(CAPTURED), [
    { inode: "21234", path: "/run/containerd/containerd.sock" },
    { inode: "77", path: "/tmp/with a space" },
  ]);
});

test("this process is its own neighbour; a path on which nobody listens has none", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "causeway-neighbour-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "a.sock");
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  t.after(() => server.close());
  assert.equal(await listenerIsNeighbour(path), true);
  assert.equal(await listenerIsNeighbour(join(directory, "b.sock")), false);
});
