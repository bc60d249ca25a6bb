/**
 * A program that runs inside a namespace of the lab and does what containers and hosts do with sockets: it answers at its
 * ports, TCP and UDP, with its own name and who it thinks is asking, and it asks others. Asked by JSON lines on its input.
 *
 * usage: node agent.fixture.ts NAME ADDRESS:PORT...
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, connect } from "node:net";
import { createInterface } from "node:readline";

/** One question to one address; `id` comes back with the answer. */
export interface Question {
  readonly id: number;
  readonly protocol: "tcp" | "udp";
  readonly address: string;
  readonly port: number;
  readonly timeoutMs: number;
}

/** `a1 10.1.0.1`: who answered, and from which address the question seemed to come; absent: nobody did. */
export interface Answer {
  readonly id: number;
  readonly text?: string;
}

async function answerAt(name: string, place: string): Promise<void> {
  const split = place.lastIndexOf(":");
  const [address, port] = [place.slice(0, split), Number(place.slice(split + 1))];
  const tcp = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.end(`${name} ${plain(socket.remoteAddress)}`);
  });
  const udp = createSocket({ type: address.includes(":") ? "udp6" : "udp4", reuseAddr: true });
  udp.on("message", (_, { address: from, port: back }) => udp.send(`${name} ${plain(from)}`, back, from));
  tcp.listen(port, address);
  udp.bind(port, address);
  await Promise.all([once(tcp, "listening"), once(udp, "listening")]);
}

/** An IPv4 address that a dual-stack socket shows as IPv6. */
function plain(address = ""): string {
  return address.replace(/^::ffff:/, "");
}

function ask(question: Question): Promise<string | undefined> {
  const asked = question.protocol === "tcp" ? askTcp(question) : askUdp(question);
  return asked.catch(() => undefined);
}

async function askTcp({ address, port, timeoutMs }: Question): Promise<string | undefined> {
  const socket = connect({ host: address, port });
  const timer = setTimeout(() => socket.destroy(new Error("no answer")), timeoutMs);
  try {
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => void (text += chunk));
    await once(socket, "end");
    return text;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

async function askUdp({ address, port, timeoutMs }: Question): Promise<string | undefined> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  try {
    socket.connect(port, address);
    await once(socket, "connect", { signal: AbortSignal.timeout(timeoutMs) });
    socket.send("who?");
    const [message] = await once(socket, "message", { signal: AbortSignal.timeout(timeoutMs) });
    return String(message);
  } finally {
    socket.close();
  }
}

if (import.meta.main) {
  const [name = "", ...places] = process.argv.slice(2);
  await Promise.all(places.map((place) => answerAt(name, place)));
  console.log("ready");
  createInterface({ input: process.stdin }).on("line", (line) => {
    // The test that started us writes nothing else.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const question = JSON.parse(line) as Question;
    void ask(question).then((text) => console.log(JSON.stringify({ id: question.id, text } satisfies object)));
  });
  process.stdin.on("end", () => process.exit(0));
}
