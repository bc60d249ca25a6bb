/** Where the numbers come from: the engine's containers, the controller's networks, the resolver, the cluster. */
import { machine, release } from "node:os";
import { hostFacts } from "../../api/host-facts.ts";
import type { OpenedController } from "../../controller/open.ts";
import type { Engine } from "../../engine/engine.ts";
import { described, sample, type Metrics, type Sample } from "./metrics.ts";

export interface MetricSources {
  readonly opened: OpenedController;
  readonly engine: Engine;
  readonly version: string;
}

export function addSources(metrics: Metrics, { opened, engine, version }: MetricSources): void {
  metrics.countEvents(opened.events);
  addEngine(metrics, engine, version);
  addNetworks(metrics, opened);
  addRepairs(metrics, opened);
  addResolver(metrics, opened);
  addCluster(metrics, opened);
}

function addEngine(metrics: Metrics, engine: Engine, version: string): void {
  const labels = [
    "version",
    "commit",
    "architecture",
    "graphdriver",
    "kernel",
    "os",
    "os_type",
    "os_version",
    "daemon_id",
  ];
  metrics.gauge(
    described(
      "engine_daemon_engine_info",
      "The information related to the engine and the OS it is running on",
      ...labels,
    ),
    async () => {
      const { id, snapshotter } = await engine.info();
      const { operatingSystem, osVersion } = hostFacts();
      const system = { os: operatingSystem, os_type: "linux", os_version: osVersion, kernel: release() };
      return [
        sample(1, { version, commit: "", architecture: machine(), graphdriver: snapshotter, ...system, daemon_id: id }),
      ];
    },
  );
  metrics.gauge(
    described("engine_daemon_container_states_containers", "The count of containers in various states", "state"),
    () => {
      const states = engine.containers.list().map(({ state }) => state.status);
      const count = (status: string): number => states.filter((state) => state === status).length;
      const [running, paused] = [count("running"), count("paused")];
      return [
        sample(paused, { state: "paused" }),
        sample(running, { state: "running" }),
        sample(states.length - running - paused, { state: "stopped" }),
      ];
    },
  );
}

function addNetworks(metrics: Metrics, { controller }: OpenedController): void {
  metrics.gauge(described("causeway_networks", "Networks that this host knows", "driver", "scope"), () =>
    counted(controller.networks().map(({ driver, scope }) => ({ driver, scope }))),
  );
  metrics.gauge(described("causeway_endpoints", "Endpoints of this host's containers", "driver"), () => {
    const drivers = new Map(controller.networks().map(({ id, driver }) => [id, driver]));
    return counted(controller.endpoints().map(({ networkId }) => ({ driver: drivers.get(networkId) ?? "" })));
  });
  metrics.gauge(described("causeway_sandboxes", "Network stacks of containers"), () => [
    sample(controller.sandboxes().length),
  ]);
  metrics.gauge(
    described("causeway_remote_endpoints", "Endpoints of other hosts on networks that this host knows"),
    () => [sample(controller.networks().reduce((sum, { id }) => sum + controller.peers(id).length, 0))],
  );
}

function addRepairs(metrics: Metrics, { controller }: OpenedController): void {
  const help = "Things in the kernel that were missing, wrong or too much, and were put right";
  metrics.counter(described("causeway_repairs_total", help, "kind"), () =>
    Object.entries(controller.drift()).map(([kind, count]) => sample(count, { kind })),
  );
}

/** How many there are of each set of labels. */
function counted(things: readonly Readonly<Record<string, string>>[]): readonly Sample[] {
  const counts = new Map<string, Sample>();
  for (const labels of things) {
    const key = JSON.stringify(labels);
    counts.set(key, { labels, value: (counts.get(key)?.value ?? 0) + 1 });
  }
  return [...counts.values()];
}

function addResolver(metrics: Metrics, opened: OpenedController): void {
  const outcomes = described(
    "causeway_dns_queries_total",
    "Messages to the resolvers of containers: answered from what the host knows, asked of other servers, refused with an error, or not answered at all",
    "outcome",
  );
  metrics.counter(outcomes, async () => {
    const { local, forwarded, failed, ignored } = await opened.dnsCounters();
    return [
      sample(local, { outcome: "local" }),
      sample(forwarded, { outcome: "forwarded" }),
      sample(failed, { outcome: "failed" }),
      sample(ignored, { outcome: "ignored" }),
    ];
  });
}

function addCluster(metrics: Metrics, { cluster }: OpenedController): void {
  if (cluster === undefined) return;
  metrics.gauge(
    described("causeway_cluster_connected", "1 while the cluster store answers, 0 while it is away"),
    () => [sample(cluster.status().state === "connected" ? 1 : 0)],
  );
  metrics.gauge(described("causeway_cluster_hosts", "Living hosts of the cluster, this one included"), () => [
    sample(cluster.hosts().length),
  ]);
}
