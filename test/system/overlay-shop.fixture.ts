/**
 * A network over three hosts with a container on each (c1, c2, c3), for tests of what happens when hosts, wires or the store fail:
 * who knows whom, by name and in the kernel's tables.
 */
import { Lab, type LabOptions } from "../lab/lab.ts";
import type { LabHost } from "../lab/lab-host.ts";
import { tablesOf } from "../lab/tables.ts";
import type { StoreKind } from "../support/cluster-servers.ts";
import { until } from "../support/wait.ts";

/** A change that a lease has to run out for, on a busy machine. */
export const CHANGE_MS = 30_000;
export const STORE_AWAY = /cluster store (?:etcd|consul|zk):\/\/10\.99\.0\.254:[\d.,:]+\/lab: /;

/** `shop` with its containers, all of them known to each other. */
export async function openShop(kind: StoreKind, options: Partial<LabOptions> = {}): Promise<Lab> {
  return fillShop(await Lab.open(kind, { hosts: 3, ...options }));
}

export async function fillShop<L extends Lab>(lab: L): Promise<L> {
  const [a, b] = [lab.host(1), lab.host(2)];
  await a.ok("network create -d overlay --subnet 10.20.0.0/24 shop");
  for (const [index, host] of lab.hosts.entries()) {
    await until(`shop on ${host.name}`, async () => host.does("network inspect shop"));
    await host.ok(`run -d --restart always --net shop --name c${index + 1} busybox sleep 3600`);
  }
  await a.pings("c1", "c3");
  await b.pings("c2", "c3");
  await b.pings("c2", "c1");
  return lab;
}

export async function addressOf(host: LabHost, container: string): Promise<string> {
  return host.ok(`inspect -f {{.NetworkSettings.Networks.shop.IPAddress}} ${container}`);
}

/** Whether a container of the host is told an address for the name. */
export async function knows(host: LabHost, container: string, name: string): Promise<boolean> {
  return host.does(`exec ${container} nslookup ${name}`);
}

/** Whether the docker CLI shows that the store is away, as a warning of `docker info`. */
export async function saysAway(host: LabHost): Promise<boolean> {
  return (await host.daemon.docker(["info"])).stderr.includes("WARNING: cluster store away since 20");
}

/** Of a container's host and of its address in the tables of another host. */
export async function entries(on: LabHost, far: LabHost, address: string): Promise<readonly string[]> {
  const { forwarding, neighbours } = await tablesOf(on);
  return [
    ...forwarding.filter((line) => line.includes(`dst ${far.address} `)),
    ...neighbours.filter((line) => line.startsWith(`${address} `)),
  ];
}
