/** docs/overlay-plugin.md, typed word for word on two plain Docker hosts. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { missingStore } from "../support/cluster-servers.ts";
import { withoutDockerd } from "../support/dockerd.ts";
import { PluginHosts, type PluginHost } from "../support/plugin-hosts.ts";
import { run } from "../support/run.ts";
import { until } from "../support/wait.ts";

const PAGE = new URL("../../docs/overlay-plugin.md", import.meta.url);
const PROGRAM = new URL("../../bin/causeway.js", import.meta.url).pathname;

interface Block {
  /** "sh host1", "json", ... */
  readonly kind: string;
  readonly text: string;
}

function blocks(): readonly Block[] {
  const found = readFileSync(PAGE, "utf8").matchAll(/^```([^\n]+)\n(.*?)^```$/gms);
  return [...found].map(([, kind = "", text = ""]) => ({ kind, text }));
}

/** Programs that go on in the background are ended with the test. */
class Shells implements AsyncDisposable {
  readonly #directory: string;
  readonly #logs: string[] = [];

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(join(directory, "bin"));
    const door = `#!/bin/sh\nexec ${process.execPath} ${PROGRAM} "$@"\n`;
    writeFileSync(join(directory, "bin", "causeway"), door, { mode: 0o755 });
  }

  /** Types a block into a shell; gives what it printed. */
  async type(text: string, where: { within: readonly string[]; environment: NodeJS.ProcessEnv }): Promise<string> {
    const number = this.#logs.length;
    const log = join(this.#directory, `log${number}`);
    this.#logs.push(log);
    const pids = join(this.#directory, `pid${number}`);
    // A program in the background would keep the shell's pipes open.
    const script = text.replace(/ &$/m, ` >${log} 2>&1 & echo $! >>${pids}`);
    const PATH = `${this.#directory}/bin:${process.env["PATH"] ?? ""}`;
    const [program, ...words] = [...where.within, "sh", "-ec", script];
    const ran = await run([program ?? "sh", ...words], { environment: { ...where.environment, PATH } });
    assert.equal(ran.status, 0, `${text}${ran.stderr}\n${this.logged()}`);
    return ran.stdout;
  }

  logged(): string {
    return this.#logs.map(readIfThere).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const number of this.#logs.keys()) {
      const pids = readIfThere(join(this.#directory, `pid${number}`));
      for (const pid of pids.split("\n").filter((line) => line !== "")) {
        process.kill(Number(pid), "SIGTERM");
        await until("a program of the page ends", () => !isRunning(Number(pid)), 20_000);
      }
    }
  }
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** A process that has ended and that nobody waits for is none. */
function isRunning(pid: number): boolean {
  const status = readIfThere(`/proc/${pid}/status`);
  return status !== "" && !/^State:\s+Z/m.test(status);
}

test("the page's commands lead to what it says", { skip: withoutDockerd() ?? missingStore("etcd") }, async () => {
  await using all = await PluginHosts.start(2, { without: "store and plugin" });
  const [one, two] = [all.host(1), all.host(2)];
  await using shells = new Shells(all.directory);
  for (const host of [one, two]) symlinkSync(host.dockerd.socket, `${host.root}/run/docker.sock`);
  const on = async (host: PluginHost, text: string): Promise<string> =>
    shells.type(text, { within: host.within, environment: {} });
  const answers: string[] = [];
  for (const { kind, text } of blocks()) {
    if (kind === "sh store") {
      const data = { ETCD_DATA_DIR: join(all.directory, "etcd") };
      await shells.type(text, { within: [], environment: data });
    } else if (kind === "sh hosts") {
      const spoken = shells.logged().split("plugin listens on").length;
      for (const host of [one, two]) answers.push(await on(host, text));
      if (!text.startsWith("causeway plugin")) continue;
      const both = (): boolean => shells.logged().split("plugin listens on").length === spoken + 2;
      await until("both plugins listen", both, 30_000);
    } else if (kind === "json") {
      for (const { dockerd } of [one, two]) {
        writeFileSync(join(dockerd.directory, "daemon.json"), text);
        await dockerd.stop();
        await dockerd.start();
      }
    } else if (kind === "sh host1") answers.push(await on(one, text));
    else if (kind === "sh host2") answers.push(await on(two, text));
  }
  assert.ok(
    answers.some((answer) => answer.includes("1 packets received")),
    answers.join("\n"),
  );
  const subnets = answers
    .filter((answer) => answer.includes('"Subnet"'))
    .map((answer) => /"Subnet": "(.*)"/.exec(answer)?.[1]);
  assert.equal(subnets.length, 2);
  assert.equal(subnets[0], subnets[1]);
  for (const host of [one, two]) {
    await host.ok("container prune -f");
    const ids = (await host.ok("ps -q")).split("\n").filter((id) => id !== "");
    if (ids.length > 0) await host.ok(`rm -f ${ids.join(" ")}`);
    await host.ok("network rm shop");
  }
});
