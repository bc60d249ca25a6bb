/**
 * The two daemons of a comparison, each with a network namespace, a /run and a containerd of its own, both spoken to by the same
 * docker CLI. Both keep their data on the same kind of file system (a tmpfs).
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TestDaemon } from "../../test/support/daemon.ts";
import { run } from "../../test/support/run.ts";
import { until } from "../../test/support/wait.ts";

export interface Rival extends AsyncDisposable {
  readonly name: string;
  /** Milliseconds that `docker ARGS` took; throws when it failed. */
  time(...args: readonly string[]): Promise<number>;
  /** Milliseconds from SIGTERM to the first answer of a new daemon on the same directories; containers go on running. */
  restart(): Promise<number>;
}

const START_MS = 60_000;
/** Longer than anything that a daemon does for one command: 500 ports take dockerd half a minute on an idle machine. */
const COMMAND_MS = 600_000;

async function timeDocker(environment: NodeJS.ProcessEnv, args: readonly string[]): Promise<number> {
  const started = performance.now();
  const ran = await run(["docker", ...args], { environment, timeoutMs: COMMAND_MS });
  const took = performance.now() - started;
  if (ran.status !== 0) throw new Error(`docker ${args.join(" ")}: ${ran.stderr}`);
  return took;
}

export async function startCauseway(flags: readonly string[] = []): Promise<Rival> {
  const daemon = await TestDaemon.start("--live-restore", ...flags);
  return {
    name: "causewayd",
    time: (...args) => timeDocker(daemon.environment(), args),
    restart: async () => {
      const started = performance.now();
      await daemon.stop();
      await daemon.start();
      await timeDocker(daemon.environment(), ["version"]);
      return performance.now() - started;
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

/** A fresh /sys for its network namespace, with the control groups of the old one. */
const OWN_HOST = `mkdir -p /tmp/cgroup; mount --rbind /sys/fs/cgroup /tmp/cgroup; mount -t sysfs sysfs /sys
mount --rbind /tmp/cgroup /sys/fs/cgroup; umount -l /tmp/cgroup; mount -t tmpfs tmpfs /run; ip link set lo up
while read -r _; do dockerd "$@" & wait $!; echo ended; done`;

class Dockerd implements Rival {
  readonly name = "dockerd";
  readonly #directory: string;
  readonly #shell: ChildProcess;
  #log = "";

  constructor(flags: readonly string[]) {
    this.#directory = mkdtempSync(join(tmpdir(), "dockerd-"));
    mkdirSync(join(this.#directory, "home"));
    const within = (name: string): string => join(this.#directory, name);
    const values = { "-H": this.#host, "--data-root": within("data"), "--exec-root": within("exec") };
    const own = [...Object.entries(values).flat(), "--pidfile", within("pid"), "--live-restore", ...flags];
    const shell = ["--net", "--mount", "--propagation", "private", "sh", "-ec", OWN_HOST, "sh", ...own];
    this.#shell = spawn("unshare", shell, { stdio: ["pipe", "ignore", "pipe"] });
    this.#shell.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#log = (this.#log + text).slice(-5000)));
  }

  time(...args: readonly string[]): Promise<number> {
    return timeDocker(this.#environment, args);
  }

  /** Each line that the shell reads is a dockerd that it runs. */
  async start(): Promise<void> {
    this.#shell.stdin?.write("start\n");
    await until(`dockerd answers:\n${this.#log}`, () => this.#answers(), START_MS);
  }

  async restart(): Promise<number> {
    const started = performance.now();
    await this.#stop();
    await this.start();
    return performance.now() - started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    this.#shell.stdin?.end();
    await until("dockerd's shell ended", () => this.#shell.exitCode !== null, START_MS);
  }

  get #host(): string {
    return `unix://${join(this.#directory, "api.sock")}`;
  }

  get #environment(): NodeJS.ProcessEnv {
    return { DOCKER_HOST: this.#host, HOME: join(this.#directory, "home"), DOCKER_CLI_HINTS: "false" };
  }

  async #stop(): Promise<void> {
    await run(["sh", "-c", `kill "$(cat ${join(this.#directory, "pid")})"`]);
    await until("dockerd ended", async () => !(await this.#answers()), START_MS);
  }

  #answers(): Promise<boolean> {
    return this.time("version").then(
      () => true,
      () => false,
    );
  }
}

export async function startDockerd(flags: readonly string[] = []): Promise<Rival> {
  const dockerd = new Dockerd(flags);
  await dockerd.start();
  return dockerd;
}
