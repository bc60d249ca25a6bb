/**
 * One host of the lab: a machine with a wire and a causewayd. It can be cut off, alone from the store or from another host, switched
 * off as by a power cut, and on again. The docker CLI speaks to its daemon from outside, over the socket on its disk.
 */
import { DockerLines } from "../support/docker-lines.ts";
import type { TestDaemon } from "../support/daemon.ts";
import { run, type Ran } from "../support/run.ts";
import { until } from "../support/wait.ts";
import type { Machine } from "./machine.ts";
import { OWN_ADDRESS, type Underlay } from "./underlay.ts";

export interface LabHostParts {
  readonly machine: Machine;
  readonly underlay: Underlay;
  readonly daemon: TestDaemon;
  /** Of its wire. */
  readonly address: string;
}

/** Another host, or what holds the store. */
export type Far = LabHost | "store";

export class LabHost extends DockerLines implements AsyncDisposable {
  readonly address: string;
  readonly daemon: TestDaemon;
  readonly #machine: Machine;
  readonly #underlay: Underlay;

  constructor({ machine, underlay, daemon, address }: LabHostParts) {
    super(daemon);
    this.address = address;
    this.daemon = daemon;
    this.#machine = machine;
    this.#underlay = underlay;
  }

  get name(): string {
    return this.#machine.name;
  }

  /** The machine with its wire, without the daemon. */
  async switchOnMachine(): Promise<void> {
    await this.#machine.switchOn();
    await this.#underlay.attach(this.name, this.#machine.pid, this.address);
  }

  /** The machine and its daemon; after the first time as after a boot. */
  async switchOn(): Promise<void> {
    await this.switchOnMachine();
    await this.daemon.start();
  }

  /** As a power cut: nobody hears of it, and daemon, containerd, containers and namespaces are gone at once. Accepts that it is off. */
  async switchOff(): Promise<void> {
    await this.#underlay.detach(this.name);
    await this.#machine.switchOff();
    await this.daemon.ended();
  }

  /** Stops the daemon alone, in order, and starts it again. */
  async restartDaemon(): Promise<void> {
    const status = await this.daemon.stop();
    if (status !== 0) throw new Error(`${this.name}: the daemon ended with status ${status}:\n${this.daemon.log}`);
    await this.daemon.start();
  }

  /** A command on the machine. */
  async run(...command: string[]): Promise<Ran> {
    return run(this.commandOn(...command));
  }

  /** A shell line on the machine that must succeed; gives what it printed. */
  async shell(line: string): Promise<string> {
    const { status, stdout, stderr } = await this.run("sh", "-ec", line);
    if (status === 0) return stdout;
    throw new Error(`${this.name}: ${line}: ${stderr}${stdout}`);
  }

  /** The command line, from outside, of a command on the machine. */
  commandOn(...command: string[]): readonly [string, ...string[]] {
    return [...this.#machine.within, ...command];
  }

  /** Waits until a container of this host gets an answer: news may be under way. */
  async pings(container: string, target: string, withinMs = 10_000): Promise<void> {
    const answers = async (): Promise<boolean> => this.does(`exec ${container} ping -c 1 -W 1 ${target}`);
    await until(`${container} on ${this.name} pings ${target}\n${this.daemon.log}`, answers, withinMs);
  }

  /** Pulls its cable, or plugs it in. */
  async setCable(state: "up" | "down"): Promise<void> {
    await this.#underlay.setCable(this.name, state);
  }

  /** Silently: what the two send each other is lost. */
  async cutFrom(far: Far): Promise<void> {
    await this.#underlay.keepApart(this.address, far === "store" ? OWN_ADDRESS : far.address);
  }

  async healTo(far: Far): Promise<void> {
    await this.#underlay.bringTogether(this.address, far === "store" ? OWN_ADDRESS : far.address);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.switchOff();
    this.daemon.removeDirectory();
  }
}
