/** Something answers in the store's place that is no store: every call ends with a clear error, in time, and nothing breaks. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import type { ClusterStore } from "../cluster-store.ts";
import { everyCallFails, inTime } from "./world.fixture.ts";

const PAGE = "<html><body>It works!</body></html>";

/** By what a caller sees: what is done with each connection. */
const ANSWERS: Readonly<Record<string, (socket: Socket) => void>> = {
  "closes every connection": (socket) => socket.destroy(),
  "takes connections and stays silent": () => undefined,
  "writes random bytes": (socket) => void socket.write(randomBytes(4096)),
  "answers everything with random bytes": (socket) => void socket.on("data", () => socket.write(randomBytes(64))),
  "writes zeros": (socket) => void socket.write(Buffer.alloc(4096)),
  "is a web server": (socket) =>
    void socket.once("data", () =>
      socket.end(`HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: ${PAGE.length}\r\n\r\n${PAGE}`),
    ),
  "changes the protocol": (socket) =>
    void socket.once("data", () =>
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"),
    ),
};

/** `open` gives a client of what is at `127.0.0.1:port`, over which nothing is ever found. */
export function rubbishContract(name: string, open: (port: number) => ClusterStore): void {
  describe(`${name} as a cluster store with rubbish in its place`, { concurrency: true }, () => {
    for (const [what, answer] of Object.entries(ANSWERS)) {
      it(`fails in time where a server ${what}`, async () => {
        const sockets = new Set<Socket>();
        const server = createServer((socket) => {
          sockets.add(socket);
          socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
          answer(socket);
        });
        await once(server.listen(0, "127.0.0.1"), "listening");
        const address = server.address();
        assert.ok(typeof address === "object" && address !== null);
        const store = open(address.port);
        try {
          await everyCallFails(store, "a/b");
        } finally {
          await inTime("closing", store[Symbol.asyncDispose]());
          server.close();
          for (const socket of sockets) socket.destroy();
        }
      });
    }
  });
}
