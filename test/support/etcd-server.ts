/** etcd for tests: one member, or several that elect a leader. Writes are not forced to disk: only a crash of the machine loses them. */
import type { ClusterServers } from "./cluster-servers.ts";
import { findProgram, freePorts, ServerProcess, type ServerPlace } from "./server-process.ts";
import { run } from "./run.ts";
import { until } from "./wait.ts";

const USUAL_CLIENT_PORT = 2379;

export interface EtcdPlace extends ServerPlace {
  /** 1 unless said otherwise. All listen on the same address, at ports of their own. */
  readonly members?: number;
}

interface Member {
  /** Of its clients. */
  readonly scheme: "http" | "https";
  readonly name: string;
  readonly client: string;
  readonly peer: string;
  readonly process: ServerProcess;
}

export async function startEtcd(place: EtcdPlace = {}): Promise<EtcdServers> {
  const { address = "127.0.0.1", prefix = [], members: count = 1, tls } = place;
  const scheme: Member["scheme"] = tls === undefined ? "http" : "https";
  const usual = Array.from({ length: 2 * count }, (_, index) => USUAL_CLIENT_PORT + index);
  const ports = prefix.length > 0 ? usual : await freePorts(2 * count, address);
  const plans = Array.from({ length: count }, (_, index) => ({
    name: `m${index}`,
    scheme,
    client: `${address}:${ports[2 * index] ?? 0}`,
    peer: `${address}:${ports[2 * index + 1] ?? 0}`,
  }));
  const cluster = plans.map(({ name, peer }) => `${name}=http://${peer}`).join(",");
  const tlsFlags = tls
    ? ["--client-cert-auth", "--trusted-ca-file", tls.ca, "--cert-file", tls.cert, "--key-file", tls.key]
    : [];
  const curlFlags = tls ? ["--insecure", "--cert", tls.cert, "--key", tls.key] : [];
  const members = plans.map((plan) => ({
    ...plan,
    process: new ServerProcess(
      {
        name: "etcd",
        command: (directory) => [findProgram("etcd") ?? "etcd", ...memberFlags(plan, cluster, directory), ...tlsFlags],
        probe: ["curl", "--silent", "--max-time", "2", ...curlFlags, `${scheme}://${plan.client}/health`],
        serves: (answer) => answer.includes('"true"'),
      },
      prefix,
    ),
  }));
  const servers = new EtcdServers(members, prefix);
  try {
    await servers.start();
  } catch (error) {
    await servers[Symbol.asyncDispose]();
    throw error;
  }
  return servers;
}

function memberFlags(plan: Omit<Member, "process">, cluster: string, directory: string): readonly string[] {
  const values = {
    "--name": plan.name,
    "--data-dir": `${directory}/data`,
    "--listen-client-urls": `${plan.scheme}://${plan.client}`,
    "--advertise-client-urls": `${plan.scheme}://${plan.client}`,
    "--listen-peer-urls": `http://${plan.peer}`,
    "--initial-advertise-peer-urls": `http://${plan.peer}`,
    "--initial-cluster": cluster,
    "--heartbeat-interval": "50",
    "--election-timeout": "500",
    "--log-level": "error",
    "--logger": "zap",
  };
  return [...Object.entries(values).flat(), "--unsafe-no-fsync"];
}

export class EtcdServers implements ClusterServers {
  readonly #members: readonly Member[];
  readonly #prefix: readonly string[];

  constructor(members: readonly Member[], prefix: readonly string[]) {
    this.#members = members;
    this.#prefix = prefix;
  }

  get hosts(): readonly string[] {
    return this.#members.map(({ client }) => client);
  }

  get url(): string {
    return `etcd://${this.hosts.join(",")}`;
  }

  /** The processes, in order of `hosts`. */
  get members(): readonly ServerProcess[] {
    return this.#members.map(({ process }) => process);
  }

  /** Of the member that leads; waits while there is none. */
  async leader(): Promise<number> {
    const ask = async (): Promise<number | undefined> => {
      for (const [index, { client, process }] of this.#members.entries()) {
        if (!process.running) continue;
        const status = await this.#status(client);
        if (status.leader !== undefined && status.leader === status.self) return index;
      }
      return undefined;
    };
    return until("etcd has a leader", ask, 30_000);
  }

  async start(): Promise<void> {
    const idle = this.members.filter(({ running }) => !running);
    for (const member of idle) member.launch();
    await Promise.all(idle.map(async (member) => member.serving()));
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map(async (member) => member.stop()));
  }

  async kill(): Promise<void> {
    await Promise.all(this.members.map(async (member) => member.kill()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map(async (member) => member[Symbol.asyncDispose]()));
  }

  async #status(client: string): Promise<{ readonly leader?: string; readonly self?: string }> {
    const url = `http://${client}/v3/maintenance/status`;
    const curl = ["curl", "--silent", "--max-time", "2", "--data", "{}", url];
    const [command = "", ...args] = [...this.#prefix, ...curl];
    const { stdout } = await run([command, ...args]);
    const leader = /"leader":"(\d+)"/.exec(stdout)?.[1];
    const self = /"member_id":"(\d+)"/.exec(stdout)?.[1];
    return { ...(leader && { leader }), ...(self && { self }) };
  }
}
