/**
 * What changes in a network namespace of a host while something happens, by `ip monitor`: addresses, routes and neighbours
 * (of links the kernel speaks without anything being changed; those that were made anew have another number). Nothing may be said
 * where nothing may be touched.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { enteredBy } from "../support/first-child.ts";
import { until } from "../support/wait.ts";
import type { LabHost } from "./lab-host.ts";

const MARK = "10.255.255.255";

export class Watch {
  readonly #child: ChildProcess;
  readonly #host: LabHost;
  readonly #namespace: string;
  #printed = "";

  private constructor(host: LabHost, namespace: string, child: ChildProcess) {
    this.#host = host;
    this.#namespace = namespace;
    this.#child = child;
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (this.#printed += chunk));
  }

  /** Resolves once it listens. `namespace` is a file on the host. */
  static async start(host: LabHost, namespace: string): Promise<Watch> {
    const [program, ...args] = host.commandOn(
      "nsenter",
      `--net=${namespace}`,
      "ip",
      "monitor",
      "address",
      "route",
      "neigh",
    );
    const watch = new Watch(host, namespace, spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] }));
    await watch.#sees();
    watch.#printed = "";
    return watch;
  }

  /** Ends; gives the lines, all events before this call included. */
  async lines(): Promise<readonly string[]> {
    const before = this.#printed.length;
    await this.#sees(before);
    const over = once(this.#child, "exit");
    process.kill(enteredBy(this.#child.pid ?? 0), "SIGTERM");
    await over;
    return this.#printed.split("\n").filter((line) => line !== "" && !line.includes(MARK));
  }

  /** An event of our own comes after all that were before it. */
  async #sees(from = 0): Promise<void> {
    const inside = `nsenter --net=${this.#namespace} ip`;
    await until(`ip monitor on ${this.#host.name}`, async () => {
      await this.#host.shell(
        `${inside} route add blackhole ${MARK} metric 4242; ${inside} route del blackhole ${MARK} metric 4242`,
      );
      return this.#printed.includes(`Deleted blackhole ${MARK}`, from);
    });
  }
}
