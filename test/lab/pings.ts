/**
 * A stream of pings from a container, ten a second, while something happens: how many were lost. The machine's own ping, in the
 * container's network namespace, so that nothing of ours answers for it.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { enteredBy } from "../support/first-child.ts";
import { until } from "../support/wait.ts";
import type { LabHost } from "./lab-host.ts";

export class Pings {
  readonly #child: ChildProcess;
  readonly #what: string;
  #printed = "";

  private constructor(child: ChildProcess, what: string) {
    this.#child = child;
    this.#what = what;
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (this.#printed += chunk));
  }

  /** From a container to an address; resolves with the first answer. */
  static async start(host: LabHost, container: string, address: string): Promise<Pings> {
    const namespace = await host.namespace(container);
    const command = host.commandOn("nsenter", `--net=${namespace}`, "ping", "-n", "-O", "-i", "0.1", address);
    const [program, ...args] = command;
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"] });
    const pings = new Pings(child, `${container} on ${host.name} to ${address}`);
    await until(`answers from ${address}`, () => pings.#answered().length > 0);
    return pings;
  }

  /** Waits for further answers: the way is open now. */
  async goOn(withinMs = 10_000): Promise<void> {
    const before = this.#answered().length;
    await until(`${this.#what} goes on`, () => this.#answered().length > before + 2, withinMs);
  }

  /** Ends; gives how many got no answer between the first and the last that got one. */
  async lost(): Promise<number> {
    // The one on its way when it ends is not lost.
    await this.goOn();
    const over = once(this.#child, "exit");
    process.kill(enteredBy(this.#child.pid ?? 0), "SIGINT");
    await over;
    const answered = this.#answered();
    return Math.max(...answered) - Math.min(...answered) + 1 - answered.length;
  }

  /** Their numbers. */
  #answered(): readonly number[] {
    return [
      ...new Set([...this.#printed.matchAll(/bytes from .*icmp_seq=(\d+)/g)].map(([, number]) => Number(number))),
    ];
  }
}
