/**
 * Real etcd servers for tests, alone or as a cluster, on free ports of loopback. Their data lie in a folder of their own, which
 * goes with them.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./wait.ts";

export interface EtcdTlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export class EtcdServer {
  readonly clientPort: number;
  readonly #metrics: string;
  readonly #arguments: readonly string[];
  #process: ChildProcess | undefined;
  #printed = "";

  constructor(clientPort: number, metricsPort: number, flags: Readonly<Record<string, string>>) {
    this.clientPort = clientPort;
    this.#metrics = `http://127.0.0.1:${metricsPort}`;
    this.#arguments = Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`);
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  /** Resolves when it was started, which is before it serves. */
  async start(): Promise<void> {
    const child = spawn("etcd", this.#arguments, { stdio: ["ignore", "ignore", "pipe"] });
    this.#process = child;
    this.#printed = "";
    child.stderr
      .setEncoding("utf8")
      .on("data", (text: string) => (this.#printed = (this.#printed + text).slice(-4000)));
    child.once("exit", () => (this.#process = undefined));
    await once(child, "spawn");
  }

  /** Resolves once it serves, with a leader. */
  async healthy(): Promise<void> {
    await until(
      "etcd is healthy",
      async () => {
        if (!this.running) throw new Error(`etcd ended: ${this.#printed}`);
        return fetch(`${this.#metrics}/health`).then(
          ({ ok }) => ok,
          () => false,
        );
      },
      30_000,
    );
  }

  /** As a power cut does, unless told otherwise. Accepts one that does not run. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }

  /** SIGSTOP: its port still takes connections, and nothing answers. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  /** Whether it leads its cluster; false as well when it does not answer. */
  async leads(): Promise<boolean> {
    const metrics = await fetch(`${this.#metrics}/metrics`).then(
      async (answer) => answer.text(),
      () => "",
    );
    return /^etcd_server_is_leader 1$/m.test(metrics);
  }
}

export class EtcdServers implements AsyncDisposable {
  readonly members: readonly EtcdServer[];
  readonly #folder: string;

  private constructor(members: readonly EtcdServer[], folder: string) {
    this.members = members;
    this.#folder = folder;
  }

  /** `count` members that know each other, serving with a leader. With `tls`, clients must show a certificate of the same CA. */
  static async start(count: number, tls?: EtcdTlsFiles): Promise<EtcdServers> {
    const folder = await mkdtemp(join(tmpdir(), "causeway-etcd-"));
    const ports = await freePorts(count * 3);
    const peerUrl = (index: number): string => `http://127.0.0.1:${ports[count + index]}`;
    const indexes = Array.from({ length: count }, (_, index) => index);
    const cluster = indexes.map((index) => `m${index}=${peerUrl(index)}`).join(",");
    const members = indexes.map((index) => {
      const [clientPort = 0, metricsPort = 0] = [ports[index], ports[2 * count + index]];
      const clientUrl = `${tls === undefined ? "http" : "https"}://127.0.0.1:${clientPort}`;
      return new EtcdServer(clientPort, metricsPort, {
        name: `m${index}`,
        "data-dir": join(folder, `m${index}`),
        logger: "zap",
        "log-level": "warn",
        "listen-client-urls": clientUrl,
        "advertise-client-urls": clientUrl,
        "listen-peer-urls": peerUrl(index),
        "initial-advertise-peer-urls": peerUrl(index),
        "listen-metrics-urls": `http://127.0.0.1:${metricsPort}`,
        "initial-cluster": cluster,
        "initial-cluster-token": folder,
        ...(tls && {
          "client-cert-auth": "true",
          "trusted-ca-file": tls.ca,
          "cert-file": tls.cert,
          "key-file": tls.key,
        }),
      });
    });
    const servers = new EtcdServers(members, folder);
    await servers.startAll();
    return servers;
  }

  async startAll(): Promise<void> {
    await Promise.all(this.members.filter(({ running }) => !running).map(async (member) => member.start()));
    await Promise.all(this.members.map(async (member) => member.healthy()));
  }

  async killAll(): Promise<void> {
    await Promise.all(this.members.map(async (member) => member.kill()));
  }

  /** The member that leads now, once there is one. */
  async leader(): Promise<EtcdServer> {
    return until("etcd has a leader", async () => {
      for (const member of this.members) if (await member.leads()) return member;
      return undefined;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.killAll();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Ports that nobody uses now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map(async (server) => once(server, "listening")));
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map(async (server) => once(server.close(), "close")));
  return ports;
}
