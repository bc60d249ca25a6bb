/**
 * IP forwarding, without which no packet leaves a bridge. Follows dockerd: it is switched on at start unless
 * `--ip-forward=false`, never off again, and whoever switched it on also owes the machine a FORWARD chain that drops what
 * nobody accepts, because until then it was no router.
 */
import type { Family } from "../addr/ip-address.ts";
import { HOST } from "../kernel/facts.ts";
import type { Kernel } from "../kernel/kernel.ts";

const KEYS: Readonly<Record<Family, readonly string[]>> = {
  4: ["net/ipv4/ip_forward"],
  6: ["net/ipv6/conf/default/forwarding", "net/ipv6/conf/all/forwarding"],
};

/**
 * Switches forwarding on for the families and returns those for which it was off before: pass them to the firewall as
 * `dropForwarded`. A family that the kernel was built without is left out.
 * Equivalent to: `sysctl -w net.ipv4.ip_forward=1`.
 */
export async function enableForwarding(
  kernel: Pick<Kernel, "readSysctl" | "apply">,
  families: readonly Family[],
): Promise<readonly Family[]> {
  const changed: Family[] = [];
  for (const family of families) {
    const values = await Promise.all(KEYS[family].map((key) => kernel.readSysctl(HOST, key)));
    const off = KEYS[family].filter((_, index) => values[index] === "0");
    if (off.length === 0) continue;
    await kernel.apply(
      off.map((key) => ({ action: "ensure", fact: { kind: "sysctl", namespace: HOST, key, value: "1" } })),
    );
    changed.push(family);
  }
  return changed;
}
