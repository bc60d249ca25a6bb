/**
 * What the data plane of one overlay network costs a host when the network is large: the plan and the kernel's part of joining it,
 * of one peer more, of a look at everything by the reconciler, and of leaving. Prints one table. Needs root; runs in a namespace
 * of its own.
 *
 *     node bench/overlay-peers.ts [peers]
 */
import { spawnSync } from "node:child_process";
import { parseAddress } from "../src/addr/ip-address.ts";
import type { Driver } from "../src/drivers/driver.ts";
import type { PeerIntent } from "../src/drivers/intent.ts";
import { endpoint, network, overlayPool, peer } from "../src/drivers/overlay/intents.fixture.ts";
import { createOverlayDriver, networkNamespaceName } from "../src/drivers/overlay/overlay-driver.ts";
import type { KernelFact } from "../src/kernel/facts.ts";
import type { Kernel } from "../src/kernel/kernel.ts";
import { planChange, planRepair, sysctlKeys } from "../src/kernel/plan.ts";
import { openKernelThread } from "../src/kernel/thread.ts";
import { round, summarize } from "./side-by-side/statistics.ts";

const DIRECTORY = "/run/bench-overlay";
const HOSTS = 100;
const ROUNDS = 9;
const LOCAL = endpoint(1);
const NETWORK = network({ pools: [overlayPool("10.0.0.0/16", "10.0.0.1", 256)] });

function peerNumber(number: number): PeerIntent {
  const address = { family: 4, value: parseAddress("10.0.1.0").value + BigInt(number) } as const;
  const intent = endpoint(1, { addresses: [{ address, length: 16 }], mac: { mac: 0x020000000000n + BigInt(number) } });
  return peer(intent, `192.0.2.${(number % HOSTS) + 1}`);
}

interface Row {
  readonly what: string;
  /** Milliseconds; of the kernel thread's part everything until its answer is read. */
  readonly plan: number;
  readonly kernel: number;
}

class Bench {
  readonly #kernel: Kernel;
  readonly #driver: Driver = createOverlayDriver({
    namespaceDirectory: DIRECTORY,
    advertise: parseAddress("192.0.2.200"),
  });
  #facts: readonly KernelFact[] = [];

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** From what is there to these peers; without a local endpoint, to nothing. */
  async change(what: string, peers: readonly PeerIntent[], joined = true): Promise<Row> {
    const started = performance.now();
    const { facts } = this.#driver.networkState(NETWORK, { local: joined ? [LOCAL] : [], peers });
    const steps = planChange(this.#facts, facts);
    const planned = performance.now();
    await this.#kernel.apply(steps);
    this.#facts = facts;
    return { what, plan: planned - started, kernel: performance.now() - planned };
  }

  /** Nothing may differ. */
  async look(what: string): Promise<Row> {
    const namespace = `${DIRECTORY}/${networkNamespaceName(NETWORK.id)}`;
    const started = performance.now();
    const seen = await this.#kernel.observe(namespace, sysctlKeys(this.#facts, namespace));
    const observed = performance.now();
    const steps = planRepair(this.#facts, [seen]);
    if (steps.length > 0) throw new Error(`${steps.length} things differ`);
    return { what, plan: performance.now() - observed, kernel: observed - started };
  }
}

async function median(rows: () => Promise<Row>): Promise<Row> {
  const all: Row[] = [];
  for (let turn = 0; turn < ROUNDS; turn++) all.push(await rows());
  const [first] = all;
  if (first === undefined) throw new Error("no rounds");
  return {
    what: first.what,
    plan: summarize(all.map(({ plan }) => plan)).median,
    kernel: summarize(all.map(({ kernel }) => kernel)).median,
  };
}

async function main(count: number): Promise<void> {
  await using kernel = await openKernelThread();
  const bench = new Bench(kernel);
  const peers = Array.from({ length: count }, (_, number) => peerNumber(number));
  const rows = [await bench.change(`join a network of ${count} peers`, peers)];
  let next = count;
  const replaceOne = async (): Promise<Row> => {
    peers[next % count] = peerNumber(next);
    next++;
    return bench.change("one peer replaced", peers);
  };
  rows.push(await median(replaceOne), await median(() => bench.look("a look at everything")));
  rows.push(
    await bench.change(
      "every second peer gone",
      peers.filter((_, index) => index % 2 === 0),
    ),
  );
  rows.push(await bench.change("and back", peers), await bench.change("leave the network", peers, false));
  console.table(
    rows.map(({ what, plan, kernel: part }) => ({ what, "plan, ms": round(plan), "kernel, ms": round(part) })),
  );
}

const count = Number(process.argv[2] ?? 10_000);
if (process.env["BENCH_ISOLATED"] === undefined) {
  const script =
    'mount -t tmpfs tmpfs /run; ip link set lo up; ip link add w type bridge; ip addr add 192.0.2.200/24 dev w; exec "$@"';
  const command = ["--net", "--mount", "--propagation", "private", "sh", "-ec", script, "sh", process.execPath];
  const options = { stdio: "inherit", env: { ...process.env, BENCH_ISOLATED: "1" } } as const;
  process.exitCode = spawnSync("unshare", [...command, import.meta.filename, String(count)], options).status ?? 1;
} else {
  await main(count);
}
