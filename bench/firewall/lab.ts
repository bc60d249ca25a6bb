/**
 * A host between a world and a container: bridge br-lab with c1 at 10.200.0.2, and a namespace `world` beyond the uplink, from
 * where connections are timed. Made in the namespace that the process is in, which must be a private one.
 */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

export const HOST_ADDRESS = "192.0.2.1";
export const CONTAINER = "10.200.0.2";

const SERVER = `require("net").createServer((s) => s.on("error", () => 0).end()).listen(80, () => console.log("up"))`;

/** Reads "port samples" per line, answers with the microseconds that connecting took, one number per sample. */
const CLIENT = `
const net = require("net");
const connect = (port) => new Promise((resolve, reject) => {
  const begin = process.hrtime.bigint();
  const socket = net.connect(port, "${HOST_ADDRESS}", () => {
    resolve(Number(process.hrtime.bigint() - begin) / 1000);
    socket.resetAndDestroy();
  }).on("error", reject);
});
require("readline").createInterface(process.stdin).on("line", async (line) => {
  const [a, b, samples] = line.split(" ").map(Number);
  const times = [[], []];
  for (let i = 0; i < samples; i++) { times[0].push(await connect(a)); times[1].push(await connect(b)); }
  console.log(JSON.stringify(times));
});
console.log("up");`;

export class FirewallLab implements Disposable {
  readonly #server: ChildProcess;
  readonly #client: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  private constructor(server: ChildProcess, client: ChildProcess, answers: AsyncIterator<string>) {
    this.#server = server;
    this.#client = client;
    this.#answers = answers;
  }

  static async open(): Promise<FirewallLab> {
    execFileSync("sh", ["-ec", SETUP]);
    const server = inNamespace("c1", SERVER);
    const client = inNamespace("world", CLIENT);
    const answers = lines(client);
    await Promise.all([lines(server).next(), answers.next()]);
    return new FirewallLab(server, client, answers);
  }

  /** Microseconds that connections to each of two ports of the host take, taking turns. */
  async connect(first: number, second: number, samples: number): Promise<readonly [number[], number[]]> {
    this.#client.stdin?.write(`${first} ${second} ${samples}\n`);
    const { value } = await this.#answers.next();
    const parsed: unknown = JSON.parse(typeof value === "string" ? value : "{}");
    if (!Array.isArray(parsed)) throw new Error("the client does not answer");
    const [a, b]: unknown[] = parsed;
    return [numbers(a), numbers(b)];
  }

  [Symbol.dispose](): void {
    this.#server.kill();
    this.#client.kill();
  }
}

function numbers(value: unknown): number[] {
  return Array.isArray(value) ? value.map(Number) : [];
}

function inNamespace(name: string, program: string): ChildProcess {
  return spawn("ip", ["netns", "exec", name, process.execPath, "-e", program], { stdio: ["pipe", "pipe", "inherit"] });
}

function lines(child: ChildProcess): AsyncIterator<string> {
  if (child.stdout === null) throw new Error("no output to read");
  return createInterface(child.stdout)[Symbol.asyncIterator]();
}

const SETUP = `
ip link add br-lab type bridge; ip link set br-lab up; ip addr add 10.200.0.1/24 dev br-lab
ip netns add c1; ip link add v-c1 type veth peer name eth0 netns c1; ip link set v-c1 master br-lab up
ip -n c1 addr add ${CONTAINER}/24 dev eth0; ip -n c1 link set lo up; ip -n c1 link set eth0 up
ip -n c1 route add default via 10.200.0.1
ip netns add world; ip link add uplink type veth peer name eth0 netns world; ip link set uplink up
ip addr add ${HOST_ADDRESS}/24 dev uplink; ip -n world addr add 192.0.2.9/24 dev eth0; ip -n world link set eth0 up
echo 1 >/proc/sys/net/ipv4/ip_forward`;
