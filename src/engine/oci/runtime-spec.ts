/**
 * The part of the OCI runtime specification (v1.0.2, config.json) that we write, in its own spelling, since it is JSON that
 * runc reads. Everything is plain data.
 */

export interface RuntimeSpec {
  readonly ociVersion: "1.0.2";
  readonly process: ProcessSpec;
  readonly root: { readonly path: string; readonly readonly: boolean };
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts: readonly RuntimeMount[];
  readonly linux: LinuxSpec;
}

export interface ProcessSpec {
  readonly terminal: boolean;
  readonly user: { readonly uid: number; readonly gid: number; readonly additionalGids?: readonly number[] };
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities: {
    readonly bounding: readonly string[];
    readonly effective?: readonly string[];
    readonly permitted?: readonly string[];
  };
  readonly rlimits?: readonly { readonly type: string; readonly soft: number; readonly hard: number }[];
  readonly consoleSize?: { readonly height: number; readonly width: number };
}

export interface RuntimeMount {
  readonly destination: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

export interface LinuxSpec {
  readonly namespaces: readonly { readonly type: string; readonly path?: string }[];
  readonly devices: readonly RuntimeDevice[];
  readonly resources: RuntimeResources;
  readonly cgroupsPath: string;
  readonly sysctl: Readonly<Record<string, string>>;
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly rootfsPropagation?: string;
  readonly seccomp?: SeccompSpec;
}

export interface RuntimeDevice {
  readonly path: string;
  readonly type: "c" | "b";
  readonly major: number;
  readonly minor: number;
  readonly fileMode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface DeviceRule {
  readonly allow: boolean;
  readonly type?: "a" | "b" | "c";
  readonly major?: number;
  readonly minor?: number;
  readonly access: string;
}

export interface RuntimeResources {
  readonly devices: readonly DeviceRule[];
  readonly memory?: { readonly limit: number; readonly swap?: number };
  readonly cpu?: {
    readonly shares?: number;
    readonly quota?: number;
    readonly period?: number;
    readonly cpus?: string;
  };
  readonly pids?: { readonly limit: number };
}

export interface SeccompSpec {
  readonly defaultAction: string;
  readonly defaultErrnoRet: number;
  readonly architectures: readonly string[];
  readonly syscalls: readonly SeccompRule[];
}

export interface SeccompRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly {
    readonly index: number;
    readonly value: number;
    readonly valueTwo?: number;
    readonly op: string;
  }[];
}

/** How containerd names the two documents that it hands to the shim. */
export const SPEC_TYPE_URL = "types.containerd.io/opencontainers/runtime-spec/1/Spec";
export const PROCESS_TYPE_URL = "types.containerd.io/opencontainers/runtime-spec/1/Process";
