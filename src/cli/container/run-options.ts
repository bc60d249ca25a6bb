/** The flags of `run`, as docker names them: those that networks and ordinary use need. */
import { FlagError } from "../failure.ts";
import { checkEnvironment } from "../flags/key-values.ts";
import { integer, list, text, toggle, type OptionSpec } from "../flags/option-spec.ts";
import { checkNetwork } from "./network-flags.ts";
import { checkSize } from "./sizes.ts";

const NETWORK: readonly OptionSpec[] = [
  list("add-host", "Add a custom host-to-IP mapping (host:ip)", { check: checkHost }),
  list("dns", "Set custom DNS servers"),
  list("dns-option", "Set DNS options", { aliases: ["dns-opt"] }),
  list("dns-search", "Set custom DNS search domains"),
  text("domainname", "Container NIS domain name"),
  list("expose", "Expose a port or a range of ports"),
  text("hostname,h", "Container host name"),
  text("ip", "IPv4 address (e.g., 172.30.100.104)"),
  text("ip6", "IPv6 address (e.g., 2001:db8::33)"),
  list("link", "Add link to another container"),
  list("link-local-ip", "Container IPv4/IPv6 link-local addresses"),
  text("mac-address", "Container MAC address (e.g., 92:d0:c6:0a:29:33)"),
  list("network", "Connect a container to a network", { value: "network", aliases: ["net"], check: checkNetwork }),
  list("network-alias", "Add network-scoped alias for the container", { aliases: ["net-alias"] }),
  list("publish,p", "Publish a container's port(s) to the host"),
  toggle("publish-all,P", "Publish all exposed ports to random ports"),
  list("sysctl", "Sysctl options", { value: "key=value" }),
];

const PROCESS: readonly OptionSpec[] = [
  text("entrypoint", "Overwrite the default ENTRYPOINT of the image"),
  list("env,e", "Set environment variables", { check: checkEnvironment }),
  list("env-file", "Read in a file of environment variables"),
  list("group-add", "Add additional groups to join"),
  toggle("init", "Run an init inside the container that forwards signals and reaps processes"),
  toggle("interactive,i", "Keep STDIN open even if not attached"),
  text("stop-signal", "Signal to stop the container"),
  integer("stop-timeout", "Timeout (in seconds) to stop a container"),
  toggle("tty,t", "Allocate a pseudo-TTY"),
  text("user,u", "Username or UID (format: <name|uid>[:<group|gid>])"),
  text("workdir,w", "Working directory inside the container"),
];

const ISOLATION: readonly OptionSpec[] = [
  list("cap-add", "Add Linux capabilities"),
  list("cap-drop", "Drop Linux capabilities"),
  text("cgroupns", "Cgroup namespace to use (host|private)"),
  text("cpus", "Number of CPUs", { value: "decimal", check: checkDecimal }),
  integer("cpu-shares,c", "CPU shares (relative weight)"),
  text("cpuset-cpus", "CPUs in which to allow execution (0-3, 0,1)"),
  text("ipc", "IPC mode to use"),
  text("memory,m", "Memory limit", { value: "bytes", check: checkSize }),
  integer("oom-score-adj", "Tune host's OOM preferences (-1000 to 1000)"),
  text("pid", "PID namespace to use"),
  integer("pids-limit", "Tune container pids limit (set -1 for unlimited)"),
  toggle("privileged", "Give extended privileges to this container"),
  toggle("read-only", "Mount the container's root filesystem as read only"),
  text("runtime", "Runtime to use for this container"),
  list("security-opt", "Security Options"),
  text("shm-size", "Size of /dev/shm", { value: "bytes", check: checkSize }),
  list("ulimit", "Ulimit options", { value: "name=soft[:hard]" }),
  text("userns", "User namespace to use"),
  text("uts", "UTS namespace to use"),
];

const FILES: readonly OptionSpec[] = [
  list("mount", "Attach a filesystem mount to the container", { value: "mount" }),
  list("tmpfs", "Mount a tmpfs directory"),
  list("volume,v", "Bind mount a volume"),
  list("volumes-from", "Mount volumes from the specified container(s)"),
];

/** What `run` and `create` share. */
export const CREATE_OPTIONS: readonly OptionSpec[] = [
  ...NETWORK,
  ...PROCESS,
  ...ISOLATION,
  ...FILES,
  list("annotation", "Add an annotation to the container", { value: "key=value" }),
  text("cidfile", "Write the container ID to the file"),
  list("label,l", "Set meta data on a container"),
  list("label-file", "Read in a line delimited file of labels"),
  text("log-driver", "Logging driver for the container"),
  list("log-opt", "Log driver options"),
  text("name", "Assign a name to the container"),
  text("platform", "Set platform if server is multi-platform capable"),
  text("pull", 'Accepted for scripts; images are never pulled ("always", "missing", "never")'),
  text("restart", 'Restart policy to apply when a container exits (default "no")'),
  toggle("rm", "Automatically remove the container when it exits"),
];

export const RUN_OPTIONS: readonly OptionSpec[] = [
  ...CREATE_OPTIONS,
  toggle("detach,d", "Run container in background and print container ID"),
  text("detach-keys", "Override the key sequence for detaching a container"),
  toggle("sig-proxy", "Proxy received signals to the process", { on: true }),
];

function checkHost(value: string): void {
  if (!/^[^:=]+[:=]./.test(value)) throw new FlagError(`bad format for add-host: ${JSON.stringify(value)}`);
}

function checkDecimal(value: string): void {
  if (!/^\d+(\.\d{1,9})?$/.test(value)) throw new FlagError(`failed to parse ${value} as a rational number`);
}
