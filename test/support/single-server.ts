/** A store that is one server process. */
import type { ClusterServers } from "./cluster-servers.ts";
import type { ServerProcess } from "./server-process.ts";

export class SingleServer implements ClusterServers {
  readonly hosts: readonly string[];
  readonly url: string;
  readonly process: ServerProcess;

  constructor(scheme: string, host: string, process: ServerProcess) {
    this.hosts = [host];
    this.url = `${scheme}://${host}`;
    this.process = process;
  }

  /** What it is, started; nothing is left when that fails. */
  static async start(scheme: string, host: string, process: ServerProcess): Promise<SingleServer> {
    const server = new SingleServer(scheme, host, process);
    try {
      await server.start();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  async start(): Promise<void> {
    await this.process.start();
  }

  async stop(): Promise<void> {
    await this.process.stop();
  }

  async kill(): Promise<void> {
    await this.process.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process[Symbol.asyncDispose]();
  }
}
