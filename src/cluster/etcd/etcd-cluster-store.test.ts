/** The store over etcd where there is no etcd. */
import { createServer, type Http2Server, type ServerHttp2Session } from "node:http2";
import { once } from "node:events";
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { silentLog } from "../../base/log.ts";
import type { ClusterStore } from "../cluster-store.ts";
import { rubbishContract } from "../contract/rubbish.contract.ts";
import { everyCallFails, failsUnavailable } from "../contract/world.fixture.ts";
import { openEtcdStore } from "./etcd-cluster-store.ts";

function openAt(port: number): ClusterStore {
  return openEtcdStore({ hosts: [{ host: "127.0.0.1", port }], prefix: "", log: silentLog });
}

rubbishContract("etcd", openAt);

/** gRPC frames: one byte of flags, four of length, the message. */
function frame(message: Buffer, claimed = message.length): Buffer {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(claimed, 1);
  return Buffer.concat([header, message]);
}

/** An HTTP/2 server that speaks gRPC's framing with whatever content. */
async function serveFrames(
  answer: Buffer,
): Promise<{ server: Http2Server; port: number; sessions: Set<ServerHttp2Session> }> {
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer().on("session", (session) => sessions.add(session.on("error", () => undefined)));
  server.on("stream", (stream) => {
    stream.on("error", () => undefined);
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(answer);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { server, port: address.port, sessions };
}

/** What is sent in place of every answer. */
const FRAMES: Readonly<Record<string, Buffer>> = {
  "no message at all": Buffer.alloc(0),
  "messages that are not what they should be": frame(Buffer.from("ff".repeat(40), "hex")),
  "messages cut short": frame(Buffer.from([0x0a]), 4_000),
  "messages of 4 GB": frame(Buffer.from("x"), 0xffff_ffff),
};
describe("etcd as a cluster store over strange messages", { concurrency: true }, () => {
  for (const [what, answer] of Object.entries(FRAMES)) {
    it(`fails in time where a gRPC server sends ${what}`, async () => {
      const { server, port, sessions } = await serveFrames(answer);
      const store = openAt(port);
      try {
        await everyCallFails(store, "a");
      } finally {
        await store[Symbol.asyncDispose]();
        server.close();
        for (const session of sessions) session.destroy();
      }
    });
  }
});

it("etcd: an error names the store, and the member with what is wrong with it", async () => {
  const store = openAt(1);
  const call = store.get("a");
  await failsUnavailable(store, "get", call);
  await assert.rejects(call, /^EngineError: cluster store etcd:\/\/127\.0\.0\.1:1: .*127\.0\.0\.1:1.*ECONNREFUSED/);
  await store[Symbol.asyncDispose]();
});
