/**
 * A small world of network namespaces for tests of packet filters: a host with an uplink and two bridges, containers on them,
 * and a neighbour on the uplink, each with an agent that answers and asks. The host is the namespace that the test runs in,
 * which must be private.
 *
 *     world 192.0.2.9 ---- 192.0.2.1 host
 *                                    br-a 10.1.0.1 ---- a1 10.1.0.2, a2 10.1.0.3
 *                                    br-b 10.2.0.1 ---- b1 10.2.0.2
 *
 * and the same in IPv6: 2001:db8::9, 2001:db8::1; fd00:1::1, ::2, ::3; fd00:2::1, ::2. Everybody answers at ports 80 to 84
 * and 9090, the host at 127.0.0.53:7777 and 192.0.2.1:7777 as well.
 */
import { execFileSync, spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { Answer, Question } from "./agent.fixture.ts";

const PORTS = [80, 81, 82, 83, 84, 9090];
const AGENT = new URL("agent.fixture.ts", import.meta.url).pathname;

export type Place = "host" | "world" | "a1" | "a2" | "b1";

export function sh(command: string): void {
  execFileSync("sh", ["-ec", command], { stdio: ["ignore", "ignore", "inherit"] });
}

export class Lab implements AsyncDisposable {
  readonly #agents = new Map<Place, Agent>();

  static async open(): Promise<Lab> {
    makeBridge("br-a", 1, ["a1", "a2"]);
    makeBridge("br-b", 2, ["b1"]);
    makeWorld();
    const lab = new Lab();
    const places = PORTS.flatMap((port) => [`:::${port}`]);
    for (const name of ["world", "a1", "a2", "b1"] as const) lab.#agents.set(name, new Agent(name, places));
    lab.#agents.set("host", new Agent("host", ["127.0.0.53:7777", "192.0.2.1:7777"]));
    await Promise.all([...lab.#agents.values()].map((agent) => agent.ready));
    return lab;
  }

  /** Who answers at `[tcp|udp] ADDRESS:PORT`, and whom they took the asker for: `a1 10.1.0.1`; undefined: nobody. */
  async ask(from: Place, target: string, timeoutMs: number): Promise<string | undefined> {
    const [, protocol = "tcp", address = "", port = ""] =
      /^(?:(tcp|udp) )?\[?([\d.:a-f]+?)\]?:(\d+)$/.exec(target) ?? [];
    const agent = this.#agents.get(from);
    if (agent === undefined || address === "") throw new Error(`cannot ask ${target} from ${from}`);
    return agent.ask({ protocol: protocol === "udp" ? "udp" : "tcp", address, port: Number(port), timeoutMs });
  }

  /** The world learns, or forgets, the way to the containers' own addresses. */
  route(known: boolean): void {
    const verb = known ? "replace" : "del";
    for (const number of [1, 2]) {
      sh(`ip -n world route ${verb} 10.${number}.0.0/24 via 192.0.2.1 2>/dev/null || ${String(!known)}
        ip -n world -6 route ${verb} fd00:${number}::/64 via 2001:db8::1 2>/dev/null || ${String(!known)}`);
    }
  }

  /** Whether packets between ports of one bridge pass the packet filter; false where the kernel cannot. */
  bridgeCallsFilter(calls: boolean): void {
    const value = calls ? 1 : 0;
    sh(`for f in iptables ip6tables; do
      [ ! -e /proc/sys/net/bridge/bridge-nf-call-$f ] || echo ${value} >/proc/sys/net/bridge/bridge-nf-call-$f
    done`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent[Symbol.asyncDispose]()));
    sh("for name in a1 a2 b1 world; do ip netns del $name; done; ip link del br-a; ip link del br-b");
  }
}

/** A bridge with the first address of its subnets, and containers with the following ones. */
function makeBridge(bridge: string, number: number, containers: readonly string[]): void {
  sh(`ip link add ${bridge} type bridge; ip link set ${bridge} up
    echo 1 >/proc/sys/net/ipv4/conf/${bridge}/route_localnet
    ip addr add 10.${number}.0.1/24 dev ${bridge}; ip addr add fd00:${number}::1/64 dev ${bridge} nodad`);
  for (const [index, name] of containers.entries()) {
    const last = index + 2;
    sh(`ip netns add ${name}; ip link add v-${name} type veth peer name eth0 netns ${name}
      ip link set v-${name} master ${bridge} up; ip -n ${name} link set lo up; ip -n ${name} link set eth0 up
      bridge link set dev v-${name} hairpin on
      ip -n ${name} addr add 10.${number}.0.${last}/24 dev eth0; ip -n ${name} route add default via 10.${number}.0.1
      ip -n ${name} addr add fd00:${number}::${last}/64 dev eth0 nodad
      ip -n ${name} route add default via fd00:${number}::1`);
  }
}

/** 192.0.2.77 is a second address of the host. All others have no loopback addresses and route them to the host. */
function makeWorld(): void {
  sh(`ip netns add world; ip link add uplink type veth peer name eth0 netns world
    ip link set uplink up; ip -n world link set eth0 up; ip -n world link set lo up
    ip addr add 192.0.2.1/24 dev uplink; ip addr add 2001:db8::1/64 dev uplink nodad
    ip addr add 192.0.2.77/24 dev uplink; echo 1 >/proc/sys/net/ipv4/conf/uplink/route_localnet
    ip -n world addr add 192.0.2.9/24 dev eth0; ip -n world addr add 2001:db8::9/64 dev eth0 nodad
    echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding`);
  const gateways = { world: "192.0.2.1", a1: "10.1.0.1", a2: "10.1.0.1", b1: "10.2.0.1" };
  for (const [name, gateway] of Object.entries(gateways))
    sh(`ip netns exec ${name} sh -c "echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet"
      ip -n ${name} addr del 127.0.0.1/8 dev lo; ip -n ${name} route add 127.0.0.0/8 via ${gateway} dev eth0`);
}

class Agent implements AsyncDisposable {
  readonly ready: Promise<void>;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting = new Map<number, (text: string | undefined) => void>();
  #last = 0;

  constructor(name: Place, places: readonly string[]) {
    const command = [process.execPath, AGENT, name, ...places];
    const [program = "", ...args] = name === "host" ? command : ["ip", "netns", "exec", name, ...command];
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.ready = this.#listen(createInterface({ input: this.#child.stdout }));
  }

  ask(question: Omit<Question, "id">): Promise<string | undefined> {
    const id = ++this.#last;
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    this.#waiting.set(id, resolve);
    this.#child.stdin.write(`${JSON.stringify({ ...question, id })}\n`);
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin.end();
    await once(this.#child, "close");
  }

  async #listen(lines: Interface): Promise<void> {
    await once(lines, "line", { signal: AbortSignal.timeout(20_000) });
    lines.on("line", (line) => this.#answered(line));
  }

  #answered(line: string): void {
    // Our own agent wrote it.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const { id, text } = JSON.parse(line) as Answer;
    this.#waiting.get(id)?.(text);
    this.#waiting.delete(id);
  }
}
