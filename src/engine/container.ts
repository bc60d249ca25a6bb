/** A container as it stands: what was asked for, and what became of it. An immutable view; ask again to see changes. */
import type { ContainerSpec } from "./container-spec.ts";

export interface Container {
  /** 64 hex digits. */
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  readonly createdNs: bigint;
  readonly spec: ContainerSpec;
  readonly imageId: string;
  /** The program and its arguments as they are run: entrypoint and command of spec and image resolved. */
  readonly commandLine: readonly string[];
  readonly hostname: string;
  readonly state: ContainerState;
  readonly restartCount: number;
  readonly sandboxId?: string;
  /** Host directory of its files. */
  readonly directory: string;
  readonly logPath: string;
  readonly execIds: readonly string[];
}

export type ContainerState =
  /** Never started. */
  | { readonly status: "created" }
  | { readonly status: "running"; readonly pid: number; readonly startedNs: bigint }
  | { readonly status: "paused"; readonly pid: number; readonly startedNs: bigint }
  /** Ended and about to be started again by its restart policy. */
  | {
      readonly status: "restarting";
      readonly exitCode: number;
      readonly startedNs: bigint;
      readonly finishedNs: bigint;
    }
  /** Being removed. */
  | { readonly status: "removing"; readonly exitCode: number }
  | {
      readonly status: "exited";
      readonly exitCode: number;
      readonly startedNs?: bigint;
      readonly finishedNs: bigint;
      readonly oomKilled: boolean;
      /** Why it could not start, when it could not. */
      readonly error?: string;
    };
