/**
 * A container as it is stored: what was asked for, what was made of it at creation (so that it starts the same when its
 * image's name has moved on), and how it stands. Written before and after every change of state.
 */
import { present, RecordReader } from "../../store/record-reader.ts";
import type { Json, StoredRecord } from "../../store/store.ts";
import type { ContainerState } from "../container.ts";
import type { ContainerSpec } from "../container-spec.ts";
import { decodeSpec, encodeSpec } from "./spec-codec.ts";

export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  readonly createdNs: bigint;
  readonly spec: ContainerSpec;
  readonly imageId: string;
  readonly commandLine: readonly string[];
  readonly hostname: string;
  readonly inherited: Inherited;
  readonly state: ContainerState;
  readonly restartCount: number;
  /** Somebody stopped it: `unless-stopped` does not start it with the engine. */
  readonly manuallyStopped: boolean;
  readonly sandboxId?: string;
}

/** Of the image, or of the spec where that says otherwise. */
export interface Inherited {
  readonly imageEnvironment: readonly string[];
  readonly workingDirectory: string;
  readonly user: string;
  readonly stopSignal: string;
}

export function encodeContainer(record: ContainerRecord): Json {
  const { createdNs, spec, state, commandLine, inherited, ...rest } = record;
  return {
    ...rest,
    createdNs: String(createdNs),
    spec: encodeSpec(spec),
    commandLine: [...commandLine],
    inherited: { ...inherited, imageEnvironment: [...inherited.imageEnvironment] },
    state: encodeState(state),
  };
}

function encodeState(state: ContainerState): Json {
  return Object.fromEntries(
    Object.entries(state).map(([key, value]): [string, Json] => [
      key,
      typeof value === "bigint" ? String(value) : value,
    ]),
  );
}

/** Throws RecordError when the record is not a container's. */
export function decodeContainer(stored: StoredRecord): ContainerRecord {
  const reader = new RecordReader(stored.value, `containers/${stored.id}`);
  const inherited = reader.field("inherited");
  return {
    id: reader.field("id").text(),
    name: reader.field("name").text(),
    createdNs: reader.field("createdNs").nanoseconds(),
    spec: decodeSpec(reader.field("spec")),
    imageId: reader.field("imageId").text(),
    commandLine: reader.field("commandLine").list((item) => item.text()),
    hostname: reader.field("hostname").text(),
    inherited: {
      imageEnvironment: inherited.field("imageEnvironment").list((item) => item.text()),
      workingDirectory: inherited.field("workingDirectory").text(),
      user: inherited.field("user").text(),
      stopSignal: inherited.field("stopSignal").text(),
    },
    state: decodeState(reader.field("state")),
    restartCount: reader.field("restartCount").integer(),
    manuallyStopped: reader.field("manuallyStopped").flag(),
    ...present({ sandboxId: reader.field("sandboxId").optional((item) => item.text()) }),
  };
}

const STATUSES = ["created", "running", "paused", "restarting", "removing", "exited"] as const;

function decodeState(reader: RecordReader): ContainerState {
  const status = reader.field("status").oneOf(STATUSES);
  switch (status) {
    case "created":
      return { status };
    case "running":
    case "paused":
      return { status, pid: reader.field("pid").integer(), startedNs: reader.field("startedNs").nanoseconds() };
    case "removing":
      return { status, exitCode: reader.field("exitCode").integer() };
    case "restarting":
      return { status, ...decodeEnd(reader), startedNs: reader.field("startedNs").nanoseconds() };
    case "exited":
      return {
        status,
        ...decodeEnd(reader),
        oomKilled: reader.field("oomKilled").flag(),
        ...present({
          startedNs: reader.field("startedNs").optional((item) => item.nanoseconds()),
          error: reader.field("error").optional((item) => item.text()),
        }),
      };
  }
}

function decodeEnd(reader: RecordReader): { exitCode: number; finishedNs: bigint } {
  return { exitCode: reader.field("exitCode").integer(), finishedNs: reader.field("finishedNs").nanoseconds() };
}
