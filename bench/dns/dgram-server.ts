/** The yardstick: Node's own `dgram` and our answers, one message at a time. */
import { createSocket } from "node:dgram";
import { parentPort, workerData } from "node:worker_threads";
import { Answerer } from "../../src/dns/answer.ts";
import type { DnsChange } from "../../src/dns/dns.ts";
import { Snapshot } from "../../src/dns/snapshot.ts";

const ROOM = 4096;

const snapshot = new Snapshot();
const changes: readonly DnsChange[] = workerData;
snapshot.apply(changes);
const memory = Buffer.alloc(ROOM);
const answerer = new Answerer(snapshot, memory);
const socket = createSocket("udp4");
socket.on("message", (message, client) => {
  const verdict = answerer.judge(message, snapshot.sandbox("bench"), { start: 0, room: ROOM, transport: "udp" });
  if (verdict.kind === "reply") socket.send(Buffer.from(memory.subarray(0, verdict.size)), client.port, client.address);
});
socket.bind(0, "127.0.0.11", () => parentPort?.postMessage(socket.address().port));
