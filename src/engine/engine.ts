/**
 * Containers and images over containerd, joined to networks by the controller. In the engine's own words: nothing here
 * knows Docker's JSON, which `api/` translates. References are an id, a name or a unique id prefix.
 *
 * Errors are EngineErrors whose messages are Docker's ("No such container: X", "Conflict. The container name ... ").
 */
import type { Readable, Writable } from "node:stream";
import type { NetworkController, SandboxView } from "../controller/cnm.ts";
import type { EventBus } from "../base/event-bus.ts";
import type { Container } from "./container.ts";
import type { ContainerSpec, EndpointSettings } from "./container-spec.ts";
import type { Image, ImageConfig } from "./image.ts";

export interface Engine extends AsyncDisposable {
  readonly containers: Containers;
  readonly images: Images;
  readonly execs: Execs;
  readonly networks: NetworkController;
  readonly events: EventBus;
  /** Versions of what runs underneath, for `docker version` and `docker info`. */
  info(): Promise<EngineInfo>;
}

export interface EngineInfo {
  readonly id: string;
  readonly containerdVersion: string;
  readonly runcVersion: string;
  readonly snapshotter: string;
  readonly dataRoot: string;
  readonly containers: { readonly running: number; readonly paused: number; readonly stopped: number };
  readonly images: number;
}

export interface Containers {
  create(spec: ContainerSpec): Promise<{ readonly id: string; readonly warnings: readonly string[] }>;
  list(): readonly Container[];
  find(reference: string): Container;
  /** The network stack of a running container; undefined when it has none. */
  sandbox(reference: string): SandboxView | undefined;
  /** `not-modified` when it runs already. */
  start(reference: string): Promise<void>;
  /** Stop signal, then SIGKILL after the time-out (10 s; negative waits for ever). `not-modified` when it does not run. */
  stop(reference: string, options?: { readonly timeoutSeconds?: number; readonly signal?: string }): Promise<void>;
  restart(reference: string, options?: { readonly timeoutSeconds?: number; readonly signal?: string }): Promise<void>;
  kill(reference: string, signal?: string): Promise<void>;
  pause(reference: string): Promise<void>;
  unpause(reference: string): Promise<void>;
  rename(reference: string, name: string): Promise<void>;
  remove(reference: string, options?: { readonly force?: boolean }): Promise<void>;
  /** Removes stopped containers that match; answers their ids. */
  prune(matches: (container: Container) => boolean): Promise<readonly string[]>;
  /** When `signal` aborts first, nobody waits any more and its reason is thrown. */
  wait(
    reference: string,
    condition: WaitCondition,
    signal?: AbortSignal,
  ): Promise<{ readonly exitCode: number; readonly error?: string }>;
  attach(reference: string, options: AttachOptions): Promise<AttachedStreams>;
  /** Ends after the last line, or with the container when `follow`. Destroying it stops. */
  logs(reference: string, options: LogOptions): Promise<Readable>;
  resize(reference: string, size: TerminalSize): Promise<void>;
  top(
    reference: string,
  ): Promise<{ readonly titles: readonly string[]; readonly processes: readonly (readonly string[])[] }>;
  /** Running: hot-plugs an interface. Not running: changes what the next start will join. */
  connect(reference: string, network: string, settings: EndpointSettings): Promise<void>;
  disconnect(reference: string, network: string, force: boolean): Promise<void>;
  /** Its file system, as it is now, as a new image; the container goes on. */
  commit(reference: string, options: CommitOptions): Promise<Image>;
}

export interface CommitOptions {
  /** Name of the image; without one it is dangling. */
  readonly reference?: string;
  readonly comment: string;
  readonly author: string;
  /** The container stands still meanwhile. */
  readonly pause: boolean;
  /** From how the container is run to what the image shall say. */
  readonly change: (config: ImageConfig) => ImageConfig;
}

export type WaitCondition = "not-running" | "next-exit" | "removed";

export interface TerminalSize {
  /** Character cells. */
  readonly rows: number;
  readonly columns: number;
}

export interface AttachOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** What was printed so far comes first. */
  readonly logs: boolean;
  /** What will be printed. */
  readonly stream: boolean;
}

/** A piece of output; a terminal has only stdout. */
export interface OutputChunk {
  readonly stream: "stdout" | "stderr";
  readonly bytes: Uint8Array;
}

export interface AttachedStreams {
  /** Object mode, of OutputChunk; ends when the process's output ends. Destroying it detaches. */
  readonly output: Readable;
  /** Ends the process's stdin when it ends (unless a terminal). */
  readonly stdin?: Writable;
  readonly tty: boolean;
}

export interface LogOptions {
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly follow: boolean;
  /** How many of the last lines; undefined is all. */
  readonly tail?: number;
  /** Nanoseconds since the epoch. */
  readonly sinceNs?: bigint;
  readonly untilNs?: bigint;
  /** Each line begins with its RFC 3339 time. */
  readonly timestamps: boolean;
}

export interface Execs {
  create(container: string, spec: ExecSpec): Promise<string>;
  /** `not-found` "No such exec instance: X"; `conflict` when the container stopped meanwhile or the exec ran already. */
  start(
    id: string,
    options: { readonly detach: boolean; readonly size?: TerminalSize },
  ): Promise<AttachedStreams | undefined>;
  resize(id: string, size: TerminalSize): Promise<void>;
  find(id: string): Exec;
}

export interface ExecSpec {
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly attachStdin: boolean;
  readonly attachStdout: boolean;
  readonly attachStderr: boolean;
  readonly environment: readonly string[];
  readonly workingDirectory?: string;
  readonly user?: string;
  readonly privileged: boolean;
  readonly detachKeys?: string;
}

export interface Exec {
  readonly id: string;
  readonly containerId: string;
  readonly spec: ExecSpec;
  readonly state:
    | { readonly status: "created" }
    | { readonly status: "running"; readonly pid: number }
    | { readonly status: "exited"; readonly exitCode: number };
}

export interface Images {
  list(): Promise<readonly Image[]>;
  /** `not-found` "No such image: X". */
  find(reference: string): Promise<Image>;
  /** A flat root file system as a tar stream (plain, gzip, bzip2, xz or zstd as containerd can) becomes an image of one layer. */
  import(
    tar: Readable,
    options: { readonly reference?: string; readonly config: ImageConfig; readonly comment: string },
  ): Promise<Image>;
  tag(reference: string, as: string): Promise<void>;
  /** Removes a name, and the image when it was the last one. `conflict` while a container uses it, unless forced. */
  remove(
    reference: string,
    options: { readonly force: boolean },
  ): Promise<readonly { readonly untagged?: string; readonly deleted?: string }[]>;
  prune(): Promise<readonly string[]>;
}
