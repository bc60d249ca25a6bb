/**
 * A sandbox in the hands of a program: made, used and disposed of in one scope (`await using`). It runs programs inside the
 * sandbox with the sandbox's own /etc/hosts, /etc/resolv.conf and host name, so that names resolve there as in a container.
 */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../base/errors.ts";
import type { EndpointIntent } from "../drivers/intent.ts";
import { HOST } from "../kernel/facts.ts";
import type { Kernel, RunOptions, RunResult } from "../kernel/kernel.ts";
import type { EndpointSpec, NetworkController, SandboxSpec, SandboxView } from "./cnm.ts";

/** Where a sandbox is made. `OpenedController` is one. */
export interface SandboxHome {
  readonly controller: NetworkController;
  readonly kernel: Kernel;
  /** Its files go into `sandboxes/<name>` below. */
  readonly runDirectory: string;
}

/** How to be on a network; its name alone for an address by choice. */
export type NetworkWish = string | Omit<EndpointSpec, "name">;

export interface SandboxOptions extends Partial<Omit<SandboxSpec, "endpoints" | "containerId" | "filesDirectory">> {
  /** Its host name unless `hostname` says otherwise, and its name for its neighbours on user-defined networks. */
  readonly name: string;
  readonly networks: readonly NetworkWish[];
}

export class Sandbox implements AsyncDisposable {
  readonly id: string;
  readonly name: string;
  readonly #home: SandboxHome;
  readonly #directory: string;

  constructor(home: SandboxHome, parts: { readonly id: string; readonly name: string; readonly directory: string }) {
    this.id = parts.id;
    this.name = parts.name;
    this.#home = home;
    this.#directory = parts.directory;
  }

  /** As it is now. Throws `not-found` once it is disposed of. */
  get view(): SandboxView {
    const view = this.#home.controller.findSandbox(this.id);
    if (view === undefined) throw new EngineError("not-found", `sandbox ${this.name} not found`);
    return view;
  }

  /**
   * Runs a program in the sandbox to its end, with a mount namespace of its own, and returns what it printed. An exit code
   * other than 0 is no error; a program that takes longer than `timeoutMs` (10 s) is killed and throws.
   * Equivalent to: `ip netns exec NAME COMMAND`.
   */
  async run(command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    const { key, hostNamespace, hostsPath, resolvConfPath } = this.view;
    const script =
      'mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/resolv.conf && hostname "$3" && shift 3 && exec "$@"';
    const inside = ["unshare", "--mount", "--uts", "--propagation", "private", "sh", "-c", script, "sh"];
    const whole = [...inside, hostsPath, resolvConfPath, this.name, ...command];
    return this.#home.kernel.run(hostNamespace ? HOST : key, whole, options);
  }

  /** A new interface, while programs run. */
  connect(network: NetworkWish): Promise<EndpointIntent> {
    return this.#home.controller.connect(this.id, endpointSpec(this.name, network));
  }

  /** Takes the interface to the network out. Throws `not-found` when it is not connected to it. */
  async disconnect(network: string): Promise<void> {
    const { id } = this.#home.controller.findNetwork(network);
    const joined = this.view.endpoints.find(
      ({ endpoint, automatic }) => endpoint.networkId === id && automatic !== true,
    );
    if (joined === undefined) throw new EngineError("not-found", `sandbox ${this.name} is not on network ${network}`);
    await this.#home.controller.disconnect(joined.endpoint.id);
  }

  /** Removes it and its files. Programs still running in it keep the bare namespace until they end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#home.controller.removeSandbox(this.id);
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** Makes a sandbox and joins it to its networks; the caller disposes of it. */
export async function openSandbox(home: SandboxHome, options: SandboxOptions): Promise<Sandbox> {
  const { name, networks, ...rest } = options;
  const directory = join(home.runDirectory, "sandboxes", encodeURIComponent(name));
  await mkdir(directory, { recursive: true });
  try {
    const { id } = await home.controller.createSandbox({
      hostname: name,
      ...rest,
      containerId: name,
      filesDirectory: directory,
      endpoints: networks.map((network) => endpointSpec(name, network)),
    });
    return new Sandbox(home, { id, name, directory });
  } catch (cause) {
    await rm(directory, { recursive: true, force: true });
    throw cause;
  }
}

function endpointSpec(name: string, network: NetworkWish): EndpointSpec {
  return typeof network === "string" ? { network, name } : { ...network, name };
}
