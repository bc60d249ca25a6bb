/** The store over ZooKeeper where there is no ZooKeeper. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { silentLog } from "../../base/log.ts";
import type { ClusterStore } from "../cluster-store.ts";
import { rubbishContract } from "../contract/rubbish.contract.ts";
import { everyCallFails, failsUnavailable, inTime, RecordingFollower } from "../contract/world.fixture.ts";
import { encodeFrame } from "./frames.ts";
import { openZookeeperStore } from "./zookeeper-store.ts";

function openAt(port: number): ClusterStore {
  return openZookeeperStore({ hosts: [{ host: "127.0.0.1", port }], prefix: "", log: silentLog });
}

rubbishContract("zookeeper", openAt);

function ints(...values: readonly number[]): Buffer {
  const buffer = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) buffer.writeInt32BE(value, 4 * index);
  return buffer;
}

/** Protocol version, time, session, password. */
const WELCOME = encodeFrame(ints(0, 6_000, 0, 7, 16), Buffer.alloc(16));
const NOTIFICATION = -1;

/** What is sent after a proper welcome, given the xid of a request. */
const ANSWERS: Readonly<Record<string, (xid: number) => Buffer>> = {
  "an answer to another request": (xid) => encodeFrame(ints(xid + 1, 0, 1, 0)),
  "answers without content": (xid) => encodeFrame(ints(xid, 0, 1, 0)),
  "answers of a few random numbers": (xid) => encodeFrame(ints(xid, 0, 1, 0, 77, 5, -9)),
  "strings longer than the frame": (xid) => encodeFrame(ints(xid, 0, 1, 0, 0x7fff_ffff)),
  "vectors without an end": (xid) => encodeFrame(ints(xid, 0, 1, 0, 0x7fff_ffff, 0, 0, 0)),
  "errors that do not exist": (xid) => encodeFrame(ints(xid, 0, 1, -12_345)),
  "frames of 2 GB": () => ints(0x7fff_ffff, 0, 0),
  "frames of a negative length": () => ints(-5, 0, 0),
  "frames too short for an answer": () => encodeFrame(ints(1)),
  "events that are cut short": () => encodeFrame(ints(NOTIFICATION, 0, 1, 0, 1)),
  "events of no watch, and nothing else": () => encodeFrame(ints(NOTIFICATION, 0, 1, 0, 1, 3, 2), Buffer.from("/x")),
};

/** Greets as ZooKeeper does, then answers each request as told. */
async function serveAnswers(answer: (xid: number) => Buffer) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    let greeted = false;
    socket.on("data", (chunk) => {
      if (!greeted) socket.write(WELCOME);
      else socket.write(answer(chunk.length >= 8 ? chunk.readInt32BE(4) : 0));
      greeted = true;
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { server, sockets, port: address.port };
}

describe("zookeeper as a cluster store over strange messages", { concurrency: true }, () => {
  for (const [what, answer] of Object.entries(ANSWERS)) {
    it(`fails in time where a server sends ${what}`, async () => {
      const { server, sockets, port } = await serveAnswers(answer);
      const store = openAt(port);
      try {
        // A greeting is all that a session needs.
        await (await store.openSession(10_000)).abandon();
        await Promise.all([
          failsUnavailable(store, "get", store.get("a/b")),
          failsUnavailable(store, "list", store.list("a")),
          failsUnavailable(store, "commit", store.commit({ puts: [{ key: "a/b", value: "1" }] })),
          failsUnavailable(store, "follow", store.follow("a", new RecordingFollower())),
        ]);
      } finally {
        await inTime("closing", store[Symbol.asyncDispose]());
        server.close();
        for (const socket of sockets) socket.destroy();
      }
    });
  }
});

it("zookeeper: an error names the store and what is wrong with it", async () => {
  const store = openAt(1);
  await everyCallFails(store, "a");
  await assert.rejects(store.get("a"), /^EngineError: cluster store zk:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
  await store[Symbol.asyncDispose]();
});

it("zookeeper: a server that knows no watches on trees is named too old", async () => {
  const UNIMPLEMENTED = -6;
  const { server, sockets, port } = await serveAnswers((xid) => encodeFrame(ints(xid, 0, 1, UNIMPLEMENTED)));
  const store = openAt(port);
  await assert.rejects(
    store.follow("a", new RecordingFollower()),
    /: this server is too old: ZooKeeper 3\.6 or newer is needed$/,
  );
  await store[Symbol.asyncDispose]();
  server.close();
  for (const socket of sockets) socket.destroy();
});
