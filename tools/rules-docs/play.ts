/**
 * Plays one stage inside namespaces made for it and prints, as one line of JSON, what the firewall's own tools said after each
 * scenario: `node tools/rules-docs/play.ts BACKEND STAGE`. The daemon is the real one; the commands go through the docker CLI
 * or, where that is not installed, through our own. After each scenario its commands are undone, and the rules must then be
 * those of the fresh daemon again.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { messageOf } from "../../src/base/errors.ts";
import { TestDaemon } from "../../test/support/daemon.ts";
import { run } from "../../test/support/run.ts";
import { makeBusyboxTar } from "../demo/busybox-tar.ts";
import { readIptables } from "./read-iptables.ts";
import { readNft } from "./read-nft.ts";
import { without, type Printed, type Statement } from "./ruleset.ts";
import { BACKENDS, type Backend, type Scenario, type Stage } from "./scenario.ts";
import { STAGES } from "./stages.ts";
import { StableNames } from "./stable-names.ts";

/** Captures by scenario name. */
export type Played = Readonly<Record<string, readonly Printed[]>>;

const IMAGE = "busybox";
const OWN_CLIENT = join(import.meta.dirname, "../../bin/causeway.js");
const hasDocker = spawnSync("docker", ["--version"], { stdio: "ignore" }).status === 0;
const CLIENT: readonly [string, ...string[]] = hasDocker ? ["docker"] : [process.execPath, OWN_CLIENT];

class Player {
  readonly #daemon: TestDaemon;
  readonly #backend: Backend;
  #fresh: readonly Printed[] = [];

  constructor(daemon: TestDaemon, backend: Backend) {
    this.#daemon = daemon;
    this.#backend = backend;
  }

  async play(scenario: Scenario): Promise<readonly Printed[]> {
    const names = new StableNames();
    for (const command of scenario.commands) names.learn(await this.#type(command));
    const printed = [...(await this.#look("host", names))];
    for (const name of scenario.containers ?? []) {
      const key = (await this.#type(`inspect --format {{.NetworkSettings.SandboxKey}} ${name}`)).trim();
      const inside = await this.#look("container", names, key);
      printed.push(
        ...inside.filter(({ statements }) => statements.length > 0).map((one) => ({ ...one, container: name })),
      );
    }
    for (const command of scenario.undo) await this.#type(command);
    await this.#expectFresh();
    return printed;
  }

  /** The rules of the daemon without containers. */
  async remember(): Promise<void> {
    this.#fresh = await this.#look("host", new StableNames());
  }

  /** A policy that came with forwarding stays, as forwarding does. */
  async #expectFresh(): Promise<void> {
    const statements = (printed: readonly Printed[]): readonly Statement[] =>
      printed.flatMap((one) => one.statements).filter(({ match }) => !/ :forward /i.test(match));
    const [before, now] = [statements(this.#fresh), statements(await this.#look("host", new StableNames()))];
    const left = [...without(now, before), ...without(before, now)].map(({ match }) => match);
    if (left.length > 0) throw new Error(`its commands were undone, but the rules differ:\n${left.join("\n")}`);
  }

  async importImage(): Promise<void> {
    const tar = join(this.#daemon.directory, "busybox.tar");
    makeBusyboxTar(tar);
    await this.#type(`image import ${tar} ${IMAGE}`);
  }

  async #type(command: string): Promise<string> {
    const words = command.split(" ").map((word) => (word === "IMAGE" ? IMAGE : word));
    const ran = await run([...CLIENT, ...words], { environment: this.#daemon.environment() });
    if (ran.status !== 0) throw new Error(`docker ${command}: ${ran.stderr}\n${this.#daemon.log}`);
    return ran.stdout;
  }

  async #look(place: Statement["place"], names: StableNames, namespace?: string): Promise<readonly Printed[]> {
    const print = async (...command: [string, ...string[]]): Promise<string> => {
      const ran = await run(namespace === undefined ? command : ["nsenter", `--net=${namespace}`, ...command]);
      if (ran.status !== 0) throw new Error(`${command.join(" ")}: ${ran.stderr}`);
      return names.apply(ran.stdout);
    };
    if (this.#backend === "nftables") return [readNft(place, await print("nft", "list", "ruleset"))];
    const programs = ["iptables-save", "ip6tables-save"] as const;
    return Promise.all(programs.map(async (program) => readIptables(program, place, await print(program))));
  }
}

async function playStage(backend: Backend, stage: Stage): Promise<Played> {
  if (stage.before !== undefined) await run(["sh", "-ec", stage.before]);
  await using daemon = await TestDaemon.start(`--firewall-backend=${backend}`, ...stage.flags);
  const player = new Player(daemon, backend);
  await player.importImage();
  await player.remember();
  const played: Record<string, readonly Printed[]> = {};
  for (const scenario of stage.scenarios) {
    try {
      played[scenario.name] = await player.play(scenario);
    } catch (cause) {
      throw new Error(`scenario ${scenario.name}, ${backend}: ${messageOf(cause)}`, { cause });
    }
  }
  return played;
}

const [backendName, stageName] = process.argv.slice(2);
const backend = BACKENDS.find((name) => name === backendName);
const stage = STAGES.find(({ name }) => name === stageName);
if (backend === undefined || stage === undefined) throw new Error("usage: play.ts BACKEND STAGE");
try {
  console.log(JSON.stringify(await playStage(backend, stage)));
} catch (cause) {
  console.error(messageOf(cause));
  process.exitCode = 1;
}
