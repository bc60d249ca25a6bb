/**
 * An upstream DNS server for tests, over UDP and TCP, that behaves as the first label of the name says: `nx` NXDOMAIN,
 * `fail` SERVFAIL, `silent` nothing, `forged` first an answer with another id and one to another question, `big` 40 addresses,
 * anything else one address. It remembers what it was asked.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { RCODE, TYPE } from "./message/codes.ts";
import { encodeFrame, FrameReader } from "./message/frames.ts";
import { decodeQuery, type Query } from "./message/query.ts";
import { ReplyWriter } from "./message/reply.ts";

/** What `anything.example` resolves to: 192.0.2.7. */
const ADDRESS = Uint8Array.of(192, 0, 2, 7);

export interface Asked {
  readonly name: string;
  readonly transport: "udp" | "tcp";
}

export class UpstreamFixture implements AsyncDisposable {
  readonly asked: Asked[] = [];
  /** When set, nothing is answered at all. */
  silent = false;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;
  readonly #connections = new Set<Socket>();

  constructor(udp: UdpSocket, tcp: Server) {
    this.#udp = udp;
    this.#tcp = tcp;
    udp.on("message", (message, client) => {
      for (const reply of this.#replies(message, "udp")) udp.send(reply, client.port, client.address);
    });
    tcp.on("connection", (socket) => this.#connected(socket));
  }

  /** Listens where it is told: at an address of the process's namespace, or on sockets opened elsewhere. */
  static async open(
    place: { readonly address: string; readonly port: number } | { readonly udpFd: number; readonly tcpFd: number },
  ): Promise<UpstreamFixture> {
    const udp = createSocket("udp4");
    const tcp = createServer();
    // A socket that is given as a descriptor says that it listens before `bind` returns.
    const listening = Promise.all([once(udp, "listening"), once(tcp, "listening")]);
    if ("udpFd" in place) {
      udp.bind({ fd: place.udpFd });
      tcp.listen({ fd: place.tcpFd });
    } else {
      udp.bind(place.port, place.address);
      tcp.listen(place.port, place.address);
    }
    await listening;
    return new UpstreamFixture(udp, tcp);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    this.#udp.close();
    this.#tcp.close();
    await once(this.#tcp, "close");
  }

  names(transport: "udp" | "tcp"): readonly string[] {
    return this.asked.filter((asked) => asked.transport === transport).map((asked) => asked.name);
  }

  #connected(socket: Socket): void {
    const frames = new FrameReader();
    this.#connections.add(socket);
    socket.once("close", () => this.#connections.delete(socket));
    socket.on("error", () => undefined);
    socket.on("data", (chunk) => {
      for (const message of frames.push(chunk)) {
        for (const reply of this.#replies(message, "tcp")) socket.write(encodeFrame(reply));
      }
    });
  }

  #replies(message: Uint8Array, transport: "udp" | "tcp"): readonly Uint8Array[] {
    const decoded = decodeQuery(message);
    if (decoded.kind !== "query") return [];
    this.asked.push({ name: decoded.query.name, transport });
    const label = decoded.query.name.split(".")[0];
    if (this.silent || label === "silent") return [];
    const whole = answer(message, decoded.query, transport);
    if (label !== "forged") return [whole];
    const otherId = Uint8Array.from(whole);
    otherId[0] = (otherId[0] ?? 0) ^ 0xff;
    const otherName = Uint8Array.from(whole);
    otherName[13] = "x".charCodeAt(0);
    return [otherId, otherName, Uint8Array.of(1, 2, 3), whole];
  }
}

function answer(message: Uint8Array, query: Query, transport: "udp" | "tcp"): Uint8Array {
  const label = query.name.split(".")[0];
  const memory = new Uint8Array(4096);
  const writer = new ReplyWriter(memory);
  writer.begin(message, query, { start: 0, limit: transport === "udp" ? query.udpSize : memory.length });
  if (label === "nx") return memory.slice(0, writer.finish(RCODE.NXDOMAIN));
  if (label === "fail") return memory.slice(0, writer.finish(RCODE.SERVFAIL));
  if (query.type !== TYPE.A) return memory.slice(0, writer.finish());
  const count = label === "big" ? 40 : 1;
  for (let index = 0; index < count; index++) writer.record(TYPE.A, ADDRESS);
  return memory.slice(0, writer.finish());
}
