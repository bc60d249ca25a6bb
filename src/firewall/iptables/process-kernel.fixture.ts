/**
 * The one method of the kernel thread that the firewall needs, over child processes, for tests of this folder: programs run in
 * the test's own namespace, or in one that is named by its path. It counts runs and can stand in the way of them. It refuses
 * to work in a network namespace that has more links than a fresh one has, so that a test run by hand cannot touch a machine.
 */
import { spawn, spawnSync } from "node:child_process";
import { EngineError } from "../../base/errors.ts";
import { HOST, type NamespaceRef } from "../../kernel/facts.ts";
import type { Kernel, RunOptions, RunResult } from "../../kernel/kernel.ts";

export type Runner = Pick<Kernel, "run">;

export class ProcessKernel implements Runner {
  /** Every command that ran, with its input. */
  readonly runs: { readonly namespace: NamespaceRef; readonly command: readonly string[]; readonly input: string }[] =
    [];
  /** Called before each run; what it throws is the run's failure, what it returns the run's result. */
  intercept: ((command: readonly string[]) => RunResult | undefined) | undefined;

  async run(namespace: NamespaceRef, command: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    this.runs.push({ namespace, command, input: options.input ?? "" });
    const standIn = this.intercept?.(command);
    if (standIn !== undefined) return standIn;
    return execute(namespace === HOST ? command : ["nsenter", `--net=${namespace}`, ...command], options);
  }
}

function execute([program = "", ...args]: readonly string[], options: RunOptions): Promise<RunResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { signal: AbortSignal.timeout(options.timeoutMs ?? 10_000) });
    const printed = { stdout: "", stderr: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => void (printed.stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => void (printed.stderr += text));
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode: exitCode ?? -1, ...printed }));
    child.stdin.on("error", () => undefined).end(options.input ?? "");
  });
}

/** Throws unless this process is alone in a fresh network namespace. */
export function requirePrivateNamespace(): void {
  const names = spawnSync("ip", ["-br", "link"], { encoding: "utf8" })
    .stdout.trim()
    .split("\n")
    .map((line) => line.split(" ")[0] ?? "");
  if (names.some((name) => name !== "lo"))
    throw new EngineError(
      "forbidden",
      `not a private network namespace: it has ${names.join(", ")}; use the test runner`,
    );
}
