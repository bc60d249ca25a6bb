/** A create request of Docker's API to the engine's ContainerSpec: every field is mapped, refused or warned about. */
import { EngineError } from "../../base/errors.ts";
import type { ContainerSpec } from "../../engine/container-spec.ts";
import type { ImageConfig } from "../../engine/image.ts";
import type { ContainerCreateRequest, HostConfigRequest } from "../schema/container-bodies.ts";
import { clientDocument } from "./document.ts";
import { parseDns, parseExtraHosts } from "./extra-hosts.ts";
import { checkHostConfig } from "./host-config-limits.ts";
import { parseMounts, parseTmpfs } from "./mounts.ts";
import { parseNetworking } from "./networking.ts";
import { parsePorts } from "./ports.ts";
import { parseResources } from "./resources.ts";
import { parseRestartPolicy } from "./restart-policy.ts";
import { isSignal } from "./signal.ts";

export interface CreateInput {
  readonly request: ContainerCreateRequest;
  /** From the query; empty for a random one. */
  readonly name: string;
  /** Minor API version of the client. */
  readonly minor: number;
  readonly image: ImageConfig;
}

/** Throws `invalid-argument` with dockerd's sentences and `not-implemented` with ours. */
export function createSpec(input: CreateInput): { readonly spec: ContainerSpec; readonly warnings: readonly string[] } {
  const { request, minor } = input;
  const host = request.HostConfig ?? {};
  validateConfig(request);
  const warnings = checkHostConfig(request);
  const networking = parseNetworking(request, minor);
  const ports = parsePorts(request, networking.network);
  const spec: ContainerSpec = {
    ...identityOf(input),
    ...processOf(request),
    ...isolationOf(host),
    autoRemove: host.AutoRemove ?? false,
    restartPolicy: parseRestartPolicy(host),
    network: networking.network,
    endpoints: networking.endpoints,
    ...(networking.links.length === 0 ? {} : { links: networking.links }),
    dns: parseDns(host),
    extraHosts: parseExtraHosts(host.ExtraHosts),
    sysctls: host.Sysctls ?? {},
    exposedPorts: [...new Set([...ports.exposed, ...(input.image.exposedPorts ?? [])])],
    publish: ports.publish,
    mounts: parseMounts(request),
    tmpfs: parseTmpfs(host.Tmpfs),
    resources: parseResources(host),
    document: clientDocument(request, input.image, ports.exposed),
  };
  return { spec, warnings: [...warnings, ...networking.warnings, ...ports.warnings] };
}

function validateConfig(request: ContainerCreateRequest): void {
  const refuse = (message: string): never => {
    throw new EngineError("invalid-argument", message);
  };
  const { WorkingDir: directory = "", StopSignal: signal = "", StopTimeout: _timeout } = request;
  if (directory !== "" && !directory.startsWith("/")) {
    refuse(`the working directory '${directory}' is invalid, it needs to be an absolute path`);
  }
  const badVariable = (request.Env ?? []).find((line) => line.split("=", 1)[0] === "");
  if (badVariable !== undefined) refuse(`invalid environment variable: ${badVariable}`);
  if (signal !== "" && !isSignal(signal)) refuse(`invalid signal: ${signal}`);
}

function identityOf({ request, name, image }: CreateInput) {
  const { Hostname = "", Domainname = "", Image = "" } = request;
  return {
    image: Image,
    labels: { ...image.labels, ...request.Labels },
    ...(name === "" ? {} : { name }),
    ...(Hostname === "" ? {} : { hostname: Hostname }),
    ...(Domainname === "" ? {} : { domainname: Domainname }),
  };
}

function processOf(request: ContainerCreateRequest) {
  const { Cmd = [], Entrypoint = [], WorkingDir = "", User = "", StopSignal = "", StopTimeout } = request;
  return {
    environment: request.Env ?? [],
    tty: request.Tty ?? false,
    openStdin: request.OpenStdin ?? false,
    stdinOnce: request.StdinOnce ?? false,
    ...(Cmd.length === 0 ? {} : { command: Cmd }),
    ...(Entrypoint.length === 0 ? {} : { entrypoint: Entrypoint }),
    ...(WorkingDir === "" ? {} : { workingDirectory: WorkingDir }),
    ...(User === "" ? {} : { user: User }),
    ...(StopSignal === "" ? {} : { stopSignal: StopSignal }),
    ...(StopTimeout === undefined ? {} : { stopTimeoutSeconds: StopTimeout }),
  };
}

type Isolation = "pidMode" | "ipcMode" | "utsMode" | "privileged" | "capabilities" | "readonlyRootfs" | "shmSize";

function isolationOf(host: HostConfigRequest): Pick<ContainerSpec, Isolation> {
  const shmSize = host.ShmSize ?? 0;
  if (shmSize < 0) throw new EngineError("invalid-argument", "SHM size can not be less than 0");
  const mode = (text: string | undefined): "private" | "host" => (text === "host" ? "host" : "private");
  return {
    pidMode: mode(host.PidMode),
    ipcMode: mode(host.IpcMode),
    utsMode: mode(host.UTSMode),
    privileged: host.Privileged ?? false,
    capabilities: { add: host.CapAdd ?? [], drop: host.CapDrop ?? [] },
    readonlyRootfs: host.ReadonlyRootfs ?? false,
    ...(shmSize === 0 ? {} : { shmSize }),
  };
}
