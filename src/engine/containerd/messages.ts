/**
 * The messages of containerd's gRPC API that the engine uses, as @grpc/proto-loader presents them with `keepCase: false`,
 * `longs: String`, `enums: String` and `defaults: true`. The .proto files beside this one are the source; in requests absent
 * fields mean the protocol's defaults.
 */

/** google.protobuf.Any; protobufjs brings its own definition of it, which keeps the name of the field. */
export interface AnyMessage {
  readonly type_url: string;
  readonly value: Uint8Array;
}

/** google.protobuf.Timestamp */
export interface Timestamp {
  readonly seconds: string;
  readonly nanos: number;
}

export type Empty = Readonly<Record<string, never>>;

export interface Mount {
  readonly type: string;
  readonly source: string;
  readonly target?: string;
  readonly options: readonly string[];
}

export interface Descriptor {
  readonly mediaType: string;
  /** `sha256:...` */
  readonly digest: string;
  /** Bytes. */
  readonly size: string | number;
}

/** A process: the container's first one when `execId` is empty or absent. */
export interface ProcessRef {
  readonly containerId: string;
  readonly execId?: string;
}

export interface StdioPaths {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly terminal: boolean;
}

export interface TaskProcess extends StdioPaths {
  /** The container's id (`container_id` is left empty by containerd). */
  readonly id: string;
  readonly pid: number;
  readonly status: "UNKNOWN" | "CREATED" | "RUNNING" | "STOPPED" | "PAUSED" | "PAUSING";
  readonly exitStatus: number;
  readonly exitedAt: Timestamp | null;
}

export interface ExitReport {
  readonly exitStatus: number;
  readonly exitedAt: Timestamp | null;
}

export interface ContainerMessage {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  readonly runtime: { readonly name: string; readonly options?: AnyMessage };
  readonly spec: AnyMessage;
  readonly snapshotter: string;
  readonly snapshotKey: string;
}

export interface ImageMessage {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly target: Descriptor;
  readonly createdAt?: Timestamp | null;
}

export interface SnapshotInfo {
  readonly name: string;
  readonly parent: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface WriteContent {
  readonly action: "STAT" | "WRITE" | "COMMIT";
  readonly ref: string;
  readonly offset: number;
  readonly total?: number;
  readonly expected?: string;
  readonly data?: Uint8Array;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface EventEnvelope {
  readonly namespace: string;
  readonly topic: string;
  readonly event: AnyMessage | null;
}

/** Nanoseconds since the epoch; undefined for an absent or zero time. */
export function timestampNs(timestamp: Timestamp | null | undefined): bigint | undefined {
  if (timestamp === null || timestamp === undefined) return undefined;
  const ns = BigInt(timestamp.seconds) * 1_000_000_000n + BigInt(timestamp.nanos);
  return ns > 0n ? ns : undefined;
}
