/**
 * One of two that take turns: a process in a network namespace of its own whose firewall holds a number of networks or ports
 * already. Asked for a turn, it adds one more, takes it away again, and answers the milliseconds that adding took.
 *
 *     node changer.ts nftables|iptables network|port COUNT
 */
import { openKernelThread } from "../../src/kernel/thread.ts";
import { openBackend } from "./open-backend.ts";
import { LAB_NETWORK, network, port } from "./policies.ts";

/** Policies to a change: iptables-restore takes long over more. */
const BATCH = 250;

const [backend = "", kind = "", count = "0"] = process.argv.slice(2);
const policy = kind === "network" ? network : port;
await using kernel = await openKernelThread();
await using firewall = await openBackend(backend, kernel);
await firewall.reconcile([LAB_NETWORK]);
const held = Array.from({ length: Number(count) }, (_, index) => policy(index));
for (let start = 0; start < held.length; start += BATCH) {
  await firewall.apply({ add: held.slice(start, start + BATCH), remove: [] });
}

async function turn(): Promise<number> {
  const one = [policy(Number(count))];
  const begin = performance.now();
  await firewall.apply({ add: one, remove: [] });
  const took = performance.now() - begin;
  await firewall.apply({ add: [], remove: one });
  return took;
}

const { promise: ended, resolve: end } = Promise.withResolvers<void>();
process.on("disconnect", end);
process.on("message", () => void turn().then((took) => process.send?.(took)));
process.send?.(0);
await ended;
