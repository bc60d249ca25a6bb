/**
 * Bridge networks of one host under dockerd: the bridge, its address and the containers' interfaces are ours; the way out and
 * published ports are docker_gwbridge's, which dockerd makes. Where bridged packets meet the host's rules (br_netfilter),
 * dockerd drops what it did not accept itself, so they are let through in the chain that dockerd leaves to others.
 */
import { EngineError } from "../../base/errors.ts";
import type { Controller } from "../../controller/controller.ts";
import { bridgeLinkName } from "../../drivers/bridge/bridge-driver.ts";
import type { NetworkIntent, PoolIntent } from "../../drivers/intent.ts";
import { HOST } from "../../kernel/facts.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import type { NetworkRequest } from "../network-driver.ts";
import { driverOptions } from "./options.ts";

const BRIDGE_NAME = "com.docker.network.bridge.name";
const TAKEN: readonly string[] = [BRIDGE_NAME, "com.docker.network.driver.mtu"];

/** dockerd says no name, and the bridge's is seen by whoever looks at the host. */
export async function makeBridge(
  controller: Controller,
  { networkId, options, internal, enableIPv6 }: NetworkRequest,
  pools: readonly PoolIntent[],
): Promise<NetworkIntent> {
  const asked = driverOptions(options);
  const other = Object.keys(asked).find((key) => !TAKEN.includes(key));
  if (other !== undefined) {
    throw new EngineError(
      "invalid-argument",
      `option ${other} is of the way out, which is dockerd's here; known are ${TAKEN.join(", ")}`,
    );
  }
  const short = networkId.slice(0, 12);
  // dockerd repeats a call that broke off.
  const made = controller.networks().find(({ name }) => name === `dockerd-${short}`);
  if (made !== undefined) return made;
  return controller.createNetwork({
    name: `dockerd-${short}`,
    driver: "bridge",
    internal,
    enableIPv6,
    options: { [BRIDGE_NAME]: `cw-${short}`, ...asked },
    ipam: { pools },
  });
}

/** dockerd keeps what is in there, and ends it with a rule that changes nothing. */
const CHAIN = "DOCKER-USER";

/** Idempotent. Equivalent to: `iptables -I DOCKER-USER -i BRIDGE -o BRIDGE -j ACCEPT`, where it is not there. */
export async function letThrough(kernel: Pick<Kernel, "run">, network: NetworkIntent): Promise<void> {
  const rule = ruleOf(network);
  if (await succeeds(kernel, ["-C", ...rule])) return;
  // Before dockerd starts for the first time the chain is not there; it takes over one that is.
  await succeeds(kernel, ["-N", CHAIN]);
  const { exitCode, stderr } = await iptables(kernel, ["-I", ...rule]);
  if (exitCode !== 0) throw new EngineError("unavailable", `let packets of ${bridgeLinkName(network)} pass: ${stderr}`);
}

/** Accepts absence. */
export async function letThroughNoMore(kernel: Pick<Kernel, "run">, network: NetworkIntent): Promise<void> {
  await succeeds(kernel, ["-D", ...ruleOf(network)]);
}

function ruleOf(network: NetworkIntent): readonly string[] {
  const bridge = bridgeLinkName(network);
  return [CHAIN, "-i", bridge, "-o", bridge, "-j", "ACCEPT"];
}

async function succeeds(kernel: Pick<Kernel, "run">, words: readonly string[]): Promise<boolean> {
  return (await iptables(kernel, words)).exitCode === 0;
}

function iptables(kernel: Pick<Kernel, "run">, words: readonly string[]): ReturnType<Kernel["run"]> {
  return kernel.run(HOST, ["iptables", "--wait", ...words]);
}
