/** What a container's processes are made from: the OCI document of its task, and the process document of an exec. */
import { absentIsFine } from "../containerd/grpc-errors.ts";
import type { Mount } from "../containerd/messages.ts";
import type { SandboxView } from "../../controller/cnm.ts";
import { EngineError } from "../../base/errors.ts";
import type { EngineContext } from "../engine-context.ts";
import type { ExecSpec } from "../engine.ts";
import { resolveCapabilities } from "../oci/capabilities.ts";
import { capabilitySets, containerConfig, mergeEnvironment } from "../oci/container-config.ts";
import { layerDirectories, readRootFile } from "../oci/root-files.ts";
import type { ProcessSpec, RuntimeSpec } from "../oci/runtime-spec.ts";
import { resolveUser } from "../oci/users.ts";
import type { ContainerRecord } from "./container-record.ts";

/** The mounts of the container's root file system; `rw` only matters to the shim. */
export async function rootMounts(context: EngineContext, record: ContainerRecord): Promise<readonly Mount[]> {
  const { client } = context.containerd;
  const mounts = await absentIsFine(() => client.snapshots.mounts(context.snapshotter, record.id));
  if (mounts === undefined) throw new EngineError("internal", `the file system of container ${record.id} is gone`);
  return mounts;
}

export function taskConfig(
  context: EngineContext,
  record: ContainerRecord,
  parts: {
    readonly mounts: readonly Mount[];
    readonly sandbox?: SandboxView;
    readonly environment?: readonly string[];
  },
): RuntimeSpec {
  const { imageEnvironment, workingDirectory, user } = record.inherited;
  return containerConfig({
    id: record.id,
    spec: record.spec,
    commandLine: record.commandLine,
    imageEnvironment,
    ...(parts.environment === undefined ? {} : { linkEnvironment: parts.environment }),
    workingDirectory,
    user: userIn(parts.mounts, user),
    hostname: record.hostname,
    ...(parts.sandbox === undefined ? {} : { sandbox: parts.sandbox }),
    cgroupParent: context.cgroupParent,
    cgroups: context.cgroups,
    volumePath: context.volumePath,
  });
}

/** An exec has the container's environment, directory and user unless it says otherwise. */
export function execProcess(
  config: RuntimeSpec,
  exec: ExecSpec,
  parts: { mounts: readonly Mount[]; record: ContainerRecord },
): ProcessSpec {
  const { spec } = parts.record;
  const user = exec.user === undefined || exec.user === "" ? config.process.user : userIn(parts.mounts, exec.user);
  const capabilities = resolveCapabilities({ ...spec.capabilities, privileged: exec.privileged || spec.privileged });
  const terminal = exec.tty && !spec.tty ? ["TERM=xterm"] : [];
  return {
    ...config.process,
    terminal: exec.tty,
    user,
    args: exec.command,
    env: mergeEnvironment(config.process.env, terminal, exec.environment),
    cwd:
      exec.workingDirectory === undefined || exec.workingDirectory === "" ? config.process.cwd : exec.workingDirectory,
    capabilities: capabilitySets(capabilities, user.uid),
  };
}

function userIn(mounts: readonly Mount[], user: string): ProcessSpec["user"] {
  const layers = layerDirectories(mounts);
  const passwd = readRootFile(layers, "/etc/passwd");
  const group = readRootFile(layers, "/etc/group");
  return resolveUser(user, { ...(passwd === undefined ? {} : { passwd }), ...(group === undefined ? {} : { group }) });
}
