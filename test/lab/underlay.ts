/**
 * What is between the machines of the lab: a bridge in the test's own namespace, a wire from each machine to it, and a filter on it that
 * keeps pairs of addresses apart without telling either. The test's own namespace is on the bridge too, and has the store.
 */
import { run } from "../support/run.ts";

/** Of the test's own namespace. */
export const OWN_ADDRESS = "10.99.0.254";
const BRIDGE = "wires";

export class Underlay implements AsyncDisposable {
  private constructor() {
    // Made by `open`, for it takes commands.
  }

  static async open(): Promise<Underlay> {
    await must("ip link set lo up");
    // Of its own: else it has that of one of its ports, and another when that goes, for which nobody is prepared.
    await must(`ip link add ${BRIDGE} address 02:63:77:00:00:fe type bridge`);
    await must(`ip link set ${BRIDGE} up`);
    await must(`ip address add ${OWN_ADDRESS}/24 dev ${BRIDGE}`);
    const chain = (hook: string): string =>
      `add chain bridge lab ${hook} { type filter hook ${hook} priority -300; }\n` +
      `add rule bridge lab ${hook} ip saddr . ip daddr @apart drop\n`;
    const table = "add table bridge lab\nadd set bridge lab apart { type ipv4_addr . ipv4_addr; }\n";
    await must("nft -f -", `${table}${chain("prerouting")}${chain("output")}`);
    return new Underlay();
  }

  /** `10.99.0.1` for number 1. */
  static addressOf(number: number): string {
    return `10.99.0.${number}`;
  }

  /** A wire to the machine whose process 1 is given; there it is `wire0`, with the address and a way out. */
  async attach(name: string, pid: number, address: string): Promise<void> {
    await must(`ip link add ${wireOf(name)} type veth peer name wire0 netns ${pid}`);
    await must(`ip link set ${wireOf(name)} master ${BRIDGE} up`);
    const inside = `nsenter --target=${pid} --net ip`;
    await must(`${inside} address add ${address}/24 dev wire0`);
    await must(`${inside} link set wire0 up`);
    await must(`${inside} route add default via ${OWN_ADDRESS}`);
  }

  /**
   * Takes the wire away, with its end in the machine. It would go with the machine too, but only when the kernel gets to taking that
   * apart, which may be a minute later. Accepts absence.
   */
  async detach(name: string): Promise<void> {
    if ((await run(["ip", "link", "show", wireOf(name)])).status === 0) await must(`ip link delete ${wireOf(name)}`);
  }

  /** The cable itself: both ends see it. */
  async setCable(name: string, state: "up" | "down"): Promise<void> {
    await must(`ip link set ${wireOf(name)} ${state}`);
  }

  /** Nothing passes between the two, either way, and nobody is told. */
  async keepApart(one: string, other: string): Promise<void> {
    await must(`nft add element bridge lab apart { ${one} . ${other}, ${other} . ${one} }`);
  }

  async bringTogether(one: string, other: string): Promise<void> {
    await must(`nft delete element bridge lab apart { ${one} . ${other}, ${other} . ${one} }`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await must("nft delete table bridge lab");
    await must(`ip link delete ${BRIDGE}`);
  }
}

function wireOf(name: string): string {
  return `to-${name}`;
}

async function must(line: string, input = ""): Promise<void> {
  const [program = "", ...args] = line.split(" ");
  const ran = await run([program, ...args], { input });
  if (ran.status !== 0) throw new Error(`${line}: ${ran.stderr}`);
}
