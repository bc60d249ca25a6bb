/**
 * Three hosts lease addresses of one overlay network at once, for real sandboxes, while the leader of a three-member etcd is killed
 * twice; then the kernels are asked who has what. Prints one table and fails where an address was given out twice or is missing.
 * Needs root, `ip`, `nft` and etcd; runs in namespaces of its own.
 *
 *     node bench/address-allocation.ts [addresses per host]
 */
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { allocate } from "../test/lab/allocation.ts";
import { isolated } from "../tools/testing/isolated.ts";

const LIMIT_MS = 1_800_000;

async function main(perHost: number): Promise<void> {
  const { addresses, seconds, refusals, leadersKilled } = await allocate(perHost, LIMIT_MS);
  const twice = addresses.length - new Set(addresses).size;
  const missing = 3 * perHost - addresses.length;
  const row = { addresses: addresses.length, twice, missing, leadersKilled, refusals, seconds: Math.round(seconds) };
  console.table([row]);
  process.exitCode = twice === 0 && missing === 0 ? 0 : 1;
}

const perHost = Number(process.argv[2] ?? 1_000);
if (process.env["BENCH_ISOLATED"] === undefined) {
  const [program, ...args] = isolated(dirname(import.meta.dirname), [
    process.execPath,
    import.meta.filename,
    String(perHost),
  ]);
  const options = { stdio: "inherit", env: { ...process.env, BENCH_ISOLATED: "1" } } as const;
  process.exitCode = spawnSync(program, args, options).status ?? 1;
} else await main(perHost);
