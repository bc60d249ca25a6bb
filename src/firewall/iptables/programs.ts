/**
 * The programs iptables-save and iptables-restore (and their IPv6 twins), run inside a namespace by the kernel thread. A
 * failure is an EngineError with the program's own words; a program that is not installed, and a lock that another program
 * holds for too long, are told apart because the cure differs.
 */
import { EngineError, messageOf } from "../../base/errors.ts";
import type { Family } from "../../addr/ip-address.ts";
import { HOST } from "../../kernel/facts.ts";
import type { Kernel, RunOptions, RunResult } from "../../kernel/kernel.ts";
import { parseSave, type SavedRuleset } from "./parse.ts";
import type { Dialect, Scope } from "./rules.ts";

/** Names or paths of the programs for one family. */
export interface ProgramNames {
  readonly save: string;
  readonly restore: string;
}

export const DEFAULT_PROGRAMS: Readonly<Record<Family, ProgramNames>> = {
  4: { save: "iptables-save", restore: "iptables-restore" },
  6: { save: "ip6tables-save", restore: "ip6tables-restore" },
};

/** How long a run waits for /run/xtables.lock before it gives up (legacy variant only; nf_tables needs no lock). */
const LOCK_WAIT_SECONDS = 10;

/** Above the wait for the lock, so that the program itself says what was wrong. */
const RUN_TIMEOUT_MS = 30_000;

/** Another program held the lock for as long as we were willing to wait; nothing was changed. */
export class XtablesLockError extends EngineError {}

/** How either variant says that the kernel was built without its part, or that the modules cannot be loaded. */
const NO_SUCH_FILTER =
  /can't initialize ip6?tables|initialize ip6?tables table|Failed to initialize nft|Protocol not supported/i;

export interface ProgramsOptions {
  /** Other programs than those in PATH. */
  readonly programs?: Readonly<Record<Family, ProgramNames>>;
  readonly lockWaitSeconds?: number;
}

export class Programs {
  readonly #kernel: Pick<Kernel, "run">;
  readonly #names: Readonly<Record<Family, ProgramNames>>;
  readonly #lockWaitSeconds: number;

  constructor(kernel: Pick<Kernel, "run">, options: ProgramsOptions) {
    this.#kernel = kernel;
    this.#names = options.programs ?? DEFAULT_PROGRAMS;
    this.#lockWaitSeconds = options.lockWaitSeconds ?? LOCK_WAIT_SECONDS;
  }

  /** What the programs of the family can say. Throws `unavailable` when one cannot be run. */
  async check(family: Family): Promise<Dialect> {
    const { save, restore } = this.#names[family];
    const dialects: Dialect[] = [];
    for (const program of [restore, save]) {
      const result = await this.#run({ namespace: HOST, family }, [program, "--version"]);
      if (result.exitCode !== 0) throw failure(program, result);
      dialects.push(dialectOf(result.stdout));
    }
    return { shiftedRanges: dialects.every(({ shiftedRanges }) => shiftedRanges) };
  }

  /** What the kernel has. Equivalent to: `iptables-save`. */
  async save(scope: Scope): Promise<SavedRuleset> {
    const { save } = this.#names[scope.family];
    const result = await this.#run(scope, [save]);
    if (result.exitCode !== 0) throw failure(save, result);
    return parseSave(result.stdout);
  }

  /** Applies the input, each table whole or not at all. Equivalent to: `iptables-restore --noflush --wait=10`. */
  async restore(scope: Scope, input: string): Promise<void> {
    const { restore } = this.#names[scope.family];
    const result = await this.#run(scope, [restore, "--noflush", `--wait=${this.#lockWaitSeconds}`], { input });
    if (result.exitCode !== 0) throw failure(restore, result, input);
  }

  async #run(scope: Scope, command: readonly [string, ...string[]], options?: RunOptions): Promise<RunResult> {
    try {
      return await this.#kernel.run(scope.namespace, command, { timeoutMs: RUN_TIMEOUT_MS, ...options });
    } catch (cause) {
      throw new EngineError("unavailable", `run ${command[0]}: ${messageOf(cause)}${advice(scope, cause)}`, { cause });
    }
  }
}

/** Shifted ranges are printed as they were read from 1.8.9 on, the oldest release that our tests have seen do so. */
export function dialectOf(version: string): Dialect {
  const [major = 0, minor = 0, patch = 0] = (/v(\d+)\.(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
  return { shiftedRanges: major * 1e6 + minor * 1e3 + patch >= 1_008_009 };
}

function advice({ namespace }: Scope, cause: unknown): string {
  const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
  return missing && namespace === HOST
    ? ' (install it with "apt-get install iptables", or start the daemon with --iptables=false)'
    : "";
}

function failure(program: string, result: RunResult, input?: string): EngineError {
  const { exitCode, stderr } = result;
  const said = stderr.split("\n").find((line) => line !== "" && !line.startsWith("#")) ?? "it printed no reason";
  if (/xtables lock/.test(stderr))
    return new XtablesLockError(
      "unavailable",
      `another program holds the xtables lock (find it with "fuser /run/xtables.lock"): ${said}`,
    );
  if (NO_SUCH_FILTER.test(stderr)) {
    const flag = program.startsWith("ip6") ? "--ip6tables=false" : "--iptables=false";
    return new EngineError("unavailable", `the kernel cannot filter for ${program} (${flag} does without): ${said}`);
  }
  return new EngineError("internal", `${program} ended with status ${exitCode}: ${said}${lineOf(stderr, input)}`);
}

/** The line of our input that the program complained about, which its own message only numbers. */
function lineOf(stderr: string, input: string | undefined): string {
  const number = Number(/line:? (\d+)/.exec(stderr)?.[1] ?? 0);
  const line = input?.split("\n")[number - 1] ?? "";
  return line === "" || line === "COMMIT" ? "" : ` (at "${line}")`;
}
