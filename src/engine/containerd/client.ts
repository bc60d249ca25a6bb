/**
 * A typed client of containerd's gRPC API over a unix socket. Every call carries the namespace header `causeway`, and every
 * unary call but `wait` a deadline, so that no caller hangs on a containerd that stopped answering. Failures are
 * EngineErrors (`grpc-errors.ts`): `unavailable` when nobody answers.
 *
 * The channel reconnects by itself when containerd comes back; calls fail at once while it is away.
 */
import {
  Client,
  Metadata,
  credentials,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
} from "@grpc/grpc-js";
import { EngineError } from "../../base/errors.ts";
import { fromServiceError, isServiceError } from "./grpc-errors.ts";
import { methodsOf, type Method } from "./protocol.ts";
import type * as m from "./messages.ts";

/** containerd's namespace: a partition of all its records; Docker's is `moby`. */
const NAMESPACE = "causeway";
const DEADLINE_MS = 30_000;
/** Creating and starting run the OCI runtime; unpacking writes a whole layer. */
const SLOW_DEADLINE_MS = 120_000;
const UNPACK_DEADLINE_MS = 30 * 60_000;

export interface CallOptions {
  /** Milliseconds; 0 waits for ever. */
  readonly deadlineMs?: number;
  /** Things made by the call are kept from garbage collection while the lease lives. */
  readonly lease?: string;
}

export class ContainerdClient implements Disposable {
  readonly address: string;
  readonly #channel: Client;
  /** Methods by "/package.Service/Name". */
  readonly #methods: ReadonlyMap<string, Method>;
  readonly #endless = new Set<ClientUnaryCall>();

  constructor(address: string) {
    this.address = address;
    this.#methods = methodsOf();
    this.#channel = new Client(`unix:${address}`, credentials.createInsecure(), {
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 1000,
      "grpc.max_receive_message_length": 16 * 1024 * 1024,
      "grpc.default_authority": "localhost",
    });
  }

  /** A unary call of `service` (as in "tasks" of containerd.services.tasks.v1.Tasks). */
  async call<T>(service: Service, name: string, request: object, options: CallOptions = {}): Promise<T> {
    const method = this.#method(service, name);
    const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
    const deadline = deadlineMs === 0 ? {} : { deadline: Date.now() + deadlineMs };
    return new Promise((resolve, reject) => {
      const call = this.#channel.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        metadata(options.lease),
        deadline,
        (error, value) => {
          this.#endless.delete(call);
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- messages.ts says what the .proto files do
          if (error === null) resolve(value as T);
          else reject(fromServiceError(error, `${service}.${name}`));
        },
      );
      if (deadlineMs === 0) this.#endless.add(call);
    });
  }

  /** Ends all calls that have no deadline; they fail with `unavailable`. */
  cancelWaits(): void {
    for (const call of this.#endless) call.cancel();
  }

  /** A call whose answer is many messages. The caller reads to the end or cancels. */
  stream(service: Service, name: string, request: object, options: CallOptions = {}): ClientReadableStream<object> {
    const method = this.#method(service, name);
    return this.#channel.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      metadata(options.lease),
    );
  }

  duplex(service: Service, name: string, options: CallOptions = {}): ClientDuplexStream<object, object> {
    const method = this.#method(service, name);
    const deadline = { deadline: Date.now() + (options.deadlineMs ?? UNPACK_DEADLINE_MS) };
    return this.#channel.makeBidiStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadata(options.lease),
      deadline,
    );
  }

  /** All messages of a streamed answer. */
  async collect<T>(service: Service, name: string, request: object): Promise<T[]> {
    const messages: T[] = [];
    try {
      for await (const message of this.stream(service, name, request)) {
        const typed: T = message;
        messages.push(typed);
      }
    } catch (error) {
      throw isServiceError(error) ? fromServiceError(error, `${service}.${name}`) : error;
    }
    return messages;
  }

  readonly tasks = {
    create: (request: m.StdioPaths & { containerId: string; rootfs: readonly m.Mount[]; options?: m.AnyMessage }) =>
      this.call<{ pid: number }>("tasks", "Create", request, { deadlineMs: SLOW_DEADLINE_MS }),
    start: (process: m.ProcessRef) =>
      this.call<{ pid: number }>("tasks", "Start", process, { deadlineMs: SLOW_DEADLINE_MS }),
    delete: (containerId: string) => this.call<m.ExitReport>("tasks", "Delete", { containerId }),
    deleteProcess: (process: m.ProcessRef) => this.call<m.ExitReport>("tasks", "DeleteProcess", process),
    get: async (process: m.ProcessRef) =>
      (await this.call<{ process: m.TaskProcess }>("tasks", "Get", process)).process,
    list: async () => (await this.call<{ tasks: readonly m.TaskProcess[] }>("tasks", "List", {})).tasks,
    kill: (request: m.ProcessRef & { signal: number; all: boolean }) => this.call<m.Empty>("tasks", "Kill", request),
    exec: (request: m.ProcessRef & m.StdioPaths & { spec: m.AnyMessage }) =>
      this.call<m.Empty>("tasks", "Exec", request, { deadlineMs: SLOW_DEADLINE_MS }),
    resize: (request: m.ProcessRef & { width: number; height: number }) =>
      this.call<m.Empty>("tasks", "ResizePty", request),
    closeStdin: (process: m.ProcessRef) => this.call<m.Empty>("tasks", "CloseIO", { ...process, stdin: true }),
    pause: (containerId: string) => this.call<m.Empty>("tasks", "Pause", { containerId }),
    resume: (containerId: string) => this.call<m.Empty>("tasks", "Resume", { containerId }),
    pids: async (containerId: string) =>
      (await this.call<{ processes: readonly { pid: number }[] }>("tasks", "ListPids", { containerId })).processes.map(
        (process) => process.pid,
      ),
    /** Answers when the process has ended; it has no deadline, but fails when containerd goes away. */
    wait: (process: m.ProcessRef) => this.call<m.ExitReport>("tasks", "Wait", process, { deadlineMs: 0 }),
  };

  readonly containers = {
    create: (container: m.ContainerMessage) => this.call<m.Empty>("containers", "Create", { container }),
    delete: (id: string) => this.call<m.Empty>("containers", "Delete", { id }),
    list: async () =>
      (await this.call<{ containers: readonly m.ContainerMessage[] }>("containers", "List", {})).containers,
  };

  readonly snapshots = {
    prepare: async (
      request: { snapshotter: string; key: string; parent: string; labels: Readonly<Record<string, string>> },
      options?: CallOptions,
    ) => (await this.call<{ mounts: readonly m.Mount[] }>("snapshots", "Prepare", request, options)).mounts,
    /** Readable only; the caller removes it. */
    view: async (
      request: { snapshotter: string; key: string; parent: string; labels: Readonly<Record<string, string>> },
      options?: CallOptions,
    ) => (await this.call<{ mounts: readonly m.Mount[] }>("snapshots", "View", request, options)).mounts,
    mounts: async (snapshotter: string, key: string) =>
      (await this.call<{ mounts: readonly m.Mount[] }>("snapshots", "Mounts", { snapshotter, key })).mounts,
    commit: (request: { snapshotter: string; name: string; key: string }, options?: CallOptions) =>
      this.call<m.Empty>("snapshots", "Commit", request, options),
    remove: (snapshotter: string, key: string) => this.call<m.Empty>("snapshots", "Remove", { snapshotter, key }),
    usage: async (snapshotter: string, key: string) =>
      Number((await this.call<{ size: string }>("snapshots", "Usage", { snapshotter, key })).size),
    list: async (snapshotter: string, filters: readonly string[] = []) =>
      (await this.collect<{ info: readonly m.SnapshotInfo[] }>("snapshots", "List", { snapshotter, filters })).flatMap(
        (page) => page.info,
      ),
  };

  readonly images = {
    get: async (name: string) => (await this.call<{ image: m.ImageMessage }>("images", "Get", { name })).image,
    list: async () => (await this.call<{ images: readonly m.ImageMessage[] }>("images", "List", {})).images,
    create: (image: m.ImageMessage) => this.call<m.Empty>("images", "Create", { image }),
    update: (image: m.ImageMessage) => this.call<m.Empty>("images", "Update", { image }),
    /** Answers when what only this name held has been collected. */
    delete: (name: string) => this.call<m.Empty>("images", "Delete", { name, sync: true }),
  };

  readonly leases = {
    create: (id: string, expire: string) =>
      this.call<m.Empty>("leases", "Create", { id, labels: { "containerd.io/gc.expire": expire } }),
    delete: (id: string) => this.call<m.Empty>("leases", "Delete", { id, sync: true }),
  };

  /** Unpacks a layer into mounts; containerd makes the mounts, in its own mount namespace, and takes them away. */
  async applyLayer(diff: m.Descriptor, mounts: readonly m.Mount[], lease: string): Promise<m.Descriptor> {
    const options = { deadlineMs: UNPACK_DEADLINE_MS, lease };
    return (await this.call<{ applied: m.Descriptor }>("diff", "Apply", { diff, mounts }, options)).applied;
  }

  /** Stores, as one layer, what it takes to come from `left` to `right`; both may be in use. */
  async diffLayers(
    request: { left: readonly m.Mount[]; right: readonly m.Mount[]; mediaType: string; ref: string },
    lease: string,
  ): Promise<m.Descriptor> {
    const options = { deadlineMs: UNPACK_DEADLINE_MS, lease };
    return (await this.call<{ diff: m.Descriptor }>("diff", "Diff", request, options)).diff;
  }

  async version(deadlineMs = DEADLINE_MS): Promise<string> {
    return (await this.call<{ version: string }>("version", "Version", {}, { deadlineMs })).version;
  }

  [Symbol.dispose](): void {
    this.#channel.close();
  }

  #method(service: Service, name: string): Method {
    const path = `/containerd.services.${service}.v1.${service[0]?.toUpperCase()}${service.slice(1)}/${name}`;
    const method = this.#methods.get(path);
    if (method === undefined) throw new EngineError("internal", `no method ${path} in our .proto files`);
    return method;
  }
}

export type Service =
  "tasks" | "containers" | "snapshots" | "content" | "images" | "diff" | "leases" | "events" | "version";

function metadata(lease: string | undefined): Metadata {
  const result = new Metadata();
  result.set("containerd-namespace", NAMESPACE);
  if (lease !== undefined) result.set("containerd-lease", lease);
  return result;
}
