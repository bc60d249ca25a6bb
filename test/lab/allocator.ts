/**
 * A host of the lab without a daemon: joins the cluster as a library, makes sandboxes on the shared network as fast as it can, and holds
 * them until its standard input ends. While the store is away or elects, it tries again. Prints a line per sandbox.
 *
 *     node allocator.ts STORE ADDRESS NETWORK COUNT DIRECTORY
 */
import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import {
  DEFAULT_SETTINGS,
  EngineError,
  openController,
  parseAddress,
  parsePrefix,
  type Controller,
} from "../../src/index.ts";

const AT_ONCE = 4;
const RETRY_MS = 100;
const [store = "", address = "", network = "", count = "0", directory = ""] = process.argv.slice(2);

async function makeNetwork(controller: Controller): Promise<void> {
  const pools = [{ family: 4, subnet: parsePrefix("10.64.0.0/16") }] as const;
  await controller.createNetwork({ name: network, driver: "overlay", internal: true, ipam: { pools } });
}

/** Until it is done: what the store being away refuses is asked for again. */
async function insist(act: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await act();
      return;
    } catch (cause) {
      if (!(cause instanceof EngineError) || cause.code !== "unavailable") throw cause;
      console.log("again");
      await pause(RETRY_MS);
    }
  }
}

async function main(): Promise<void> {
  const { defaultBridge: _none, ...settings } = DEFAULT_SETTINGS;
  await using opened = await openController({
    dataRoot: join(directory, "data"),
    runDirectory: "/run/causeway",
    settings: { ...settings, resolvConfPath: "/dev/null" },
    firewallBackend: "nftables",
    cluster: {
      store,
      ttlMs: 60_000,
      graceMs: 300_000,
      address: parseAddress(address),
      port: 2376,
      hostName: hostname(),
    },
  });
  const { controller } = opened;
  console.log("ready");
  const knows = (): boolean => controller.networks().some(({ name }) => name === network);
  const [begin] = await new Promise<readonly string[]>((resolve) => {
    process.stdin.setEncoding("utf8").once("data", (text: string) => resolve([text.trim()]));
  });
  if (begin === "make") await insist(async () => makeNetwork(controller));
  while (!knows()) await pause(RETRY_MS);
  const left = Array.from({ length: Number(count) }, (_, index) => `${hostname()}-${index}`);
  const work = async (): Promise<void> => {
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      const filesDirectory = join(directory, name);
      mkdirSync(filesDirectory, { recursive: true });
      const spec = { containerId: name, hostname: name, filesDirectory, endpoints: [{ network, name }] };
      await insist(async () => controller.createSandbox(spec));
      console.log("made");
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  console.log("done");
  await new Promise((resolve) => process.stdin.once("end", resolve).resume());
}

await main();
process.exit(0);
