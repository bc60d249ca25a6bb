/**
 * How many DNS queries per second the resolver answers from its snapshot, against a `dgram` server that answers the very same
 * with the same code, on the loopback interface. Prints one table. Client and server have a thread each.
 *
 *     node bench/dns-qps.ts [seconds]
 */
import { Worker } from "node:worker_threads";
import { parseAddress } from "../src/addr/ip-address.ts";
import { silentLog } from "../src/base/log.ts";
import type { DnsChange } from "../src/dns/dns.ts";
import { openDnsService } from "../src/dns/open-dns-service.ts";
import { openLoopbackSockets } from "./dns/loopback-sockets.ts";

const ENDPOINTS = 1000;

interface Result {
  readonly server: string;
  readonly perSecond: number;
  readonly lost: string;
}

async function firstMessage<T>(worker: Worker): Promise<T> {
  return new Promise((resolve, reject) => {
    worker.once("message", (message: T) => resolve(message));
    worker.once("error", reject);
  });
}

async function measure(server: string, port: number, seconds: number): Promise<Result> {
  const client = new Worker(new URL("./dns/blaster.ts", import.meta.url), { workerData: { port, seconds } });
  const { answered, lost } = await firstMessage<{ answered: number; lost: number }>(client);
  await client.terminate();
  const share = (100 * lost) / Math.max(answered + lost, 1);
  return { server, perSecond: Math.round(answered / seconds), lost: `${share.toFixed(2)} %` };
}

async function measureOurs(changes: readonly DnsChange[], seconds: number): Promise<Result> {
  await using service = await openDnsService({ kernel: { openSockets: openLoopbackSockets }, log: silentLog });
  await service.change(changes);
  const { udpPort } = await service.serve("bench", "host");
  return await measure("causeway (epoll, recvmmsg)", udpPort, seconds);
}

async function measureDgram(changes: readonly DnsChange[], seconds: number): Promise<Result> {
  const server = new Worker(new URL("./dns/dgram-server.ts", import.meta.url), { workerData: changes });
  const port = await firstMessage<number>(server);
  const result = await measure("dgram, same answers", port, seconds);
  await server.terminate();
  return result;
}

const seconds = Number(process.argv[2] ?? 5);
const changes: DnsChange[] = [
  { put: "network", network: { id: "n", name: "backend" } },
  ...Array.from({ length: ENDPOINTS }, (_, index): DnsChange => {
    const address = parseAddress(`172.18.${(index >> 8) + 1}.${index & 255}`);
    return {
      put: "endpoint",
      endpoint: { id: `e${index}`, networkId: "n", names: [`c${index}`], addresses: [address] },
    };
  }),
  {
    put: "sandbox",
    sandbox: { id: "bench", networkIds: ["n"], privateAliases: {}, upstreams: [], external: true, ndotsSet: false },
  },
];
console.table([await measureOurs(changes, seconds), await measureDgram(changes, seconds)]);
