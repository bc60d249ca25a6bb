/** Flags of containers, images and registries: containerd's and runc's realm, of which we act on little. */
import type { Flag, FlagKind } from "./flag.ts";

/** Flags that are accepted with a warning: name, kind, help, key where it differs. */
const IGNORED: readonly (readonly [string, FlagKind, string, string?])[] = [
  ["allow-nondistributable-artifacts", "list", "Allow push of nondistributable artifacts to registry"],
  ["cdi-spec-dir", "list", "CDI specification directories to use", "cdi-spec-dirs"],
  ["containerd-namespace", "string", "Containerd namespace to use"],
  ["containerd-plugins-namespace", "string", "Containerd namespace to use for plugins"],
  ["cpu-rt-period", "int", "Limit the CPU real-time period in microseconds"],
  ["cpu-rt-runtime", "int", "Limit the CPU real-time runtime in microseconds"],
  ["cri-containerd", "bool", "start containerd with cri"],
  ["default-cgroupns-mode", "string", 'Default mode for containers cgroup namespace ("host" | "private")'],
  ["default-ipc-mode", "string", 'Default mode for containers ipc ("shareable" | "private")'],
  ["default-shm-size", "string", "Default shm size for containers"],
  ["default-ulimit", "map", "Default ulimits for containers", "default-ulimits"],
  ["exec-opt", "list", "Runtime execution options", "exec-opts"],
  ["feature", "map", "Enable feature in the daemon", "features"],
  ["http-proxy", "string", "HTTP proxy URL to use for outgoing traffic"],
  ["https-proxy", "string", "HTTPS proxy URL to use for outgoing traffic"],
  ["init", "bool", "Run an init in the container to forward signals and reap processes"],
  ["init-path", "string", "Path to the docker-init binary"],
  ["insecure-registry", "list", "Enable insecure registry communication", "insecure-registries"],
  ["log-driver", "string", "Default driver for container logs"],
  ["log-opt", "map", "Default log driver options for containers", "log-opts"],
  ["max-concurrent-downloads", "int", "Set the max concurrent downloads"],
  ["max-concurrent-uploads", "int", "Set the max concurrent uploads"],
  ["max-download-attempts", "int", "Set the max download attempts for each pull"],
  ["no-proxy", "string", "Comma-separated list of hosts or IP addresses for which the proxy is skipped"],
  ["node-generic-resource", "list", "Advertise user-defined resource", "node-generic-resources"],
  ["nri-opts", "map", "Node Resource Interface configuration"],
  ["oom-score-adjust", "int", "Set the oom_score_adj for the daemon"],
  ["registry-mirror", "list", "Preferred registry mirror", "registry-mirrors"],
  ["restart", "bool", "Deprecated by restart policies"],
  ["storage-driver", "string", "Storage driver to use"],
  ["storage-opt", "list", "Storage driver options", "storage-opts"],
];

const SHORT: Readonly<Record<string, string>> = { "storage-driver": "s", restart: "r" };

const ACTED_ON: readonly Flag[] = [
  { name: "cgroup-parent", kind: "string", support: "acts", help: "Set parent cgroup for all containers" },
  {
    name: "add-runtime",
    key: "runtimes",
    kind: "map",
    support: "ignored",
    help: "Register an additional OCI compatible runtime",
  },
  {
    name: "default-runtime",
    kind: "string",
    initial: "runc",
    support: "unsafe",
    harmless: ["runc", "io.containerd.runc.v2"],
    help: "Default OCI runtime for containers",
  },
  {
    name: "no-new-privileges",
    kind: "bool",
    initial: false,
    support: "unsafe",
    harmless: [false],
    help: "Set no-new-privileges by default for new containers",
  },
  {
    name: "seccomp-profile",
    kind: "string",
    initial: "builtin",
    support: "unsafe",
    harmless: ["", "builtin", "unconfined"],
    help: 'Path to seccomp profile. Set to "unconfined" to disable the default seccomp profile',
  },
  {
    name: "selinux-enabled",
    kind: "bool",
    initial: false,
    support: "unsafe",
    harmless: [false],
    help: "Enable selinux support",
  },
  {
    name: "userns-remap",
    kind: "string",
    initial: "",
    support: "unsafe",
    harmless: [""],
    help: "User/Group setting for user namespaces",
  },
  {
    name: "api-cors-header",
    kind: "string",
    initial: "",
    support: "unsafe",
    harmless: [""],
    help: "Removed from dockerd; use a reverse proxy if you need CORS headers",
  },
  { name: "builder", kind: "map", support: "ignored", fileOnly: true, help: "Configuration of the image builder" },
];

export const CONTAINER_FLAGS: readonly Flag[] = [
  ...ACTED_ON,
  ...IGNORED.map(([name, kind, help, key]): Flag => {
    const short = SHORT[name];
    const flag: Flag = { name, kind, help, support: "ignored", ...(key !== undefined && { key }) };
    return short === undefined ? flag : { ...flag, short };
  }),
];
