/** The example plugin and a small IPAM plugin, each behind a recorder, where daemons of these namespaces find them. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { PluginRecorder, Recording } from "./plugin-recorder.ts";
import type { Recorders } from "./plugin-scenario.ts";
import { serveSmallIpam } from "./small-ipam.ts";
import { until } from "./wait.ts";

const PTP = join(import.meta.dirname, "../../examples/plugin-ptp/plugin-ptp.ts");
const FOUND_IN = "/run/docker/plugins";

/** The example plugin as a user runs it, in a process of its own. */
export async function startPtp(socketPath: string): Promise<AsyncDisposable> {
  const child = spawn(process.execPath, [PTP], {
    env: { ...process.env, PTP_SOCKET: socketPath },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const ended = once(child, "exit");
  await until("the example plugin's socket", () => {
    if (child.exitCode !== null) throw new Error(`the example plugin ended with status ${child.exitCode}`);
    return existsSync(socketPath);
  });
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await ended;
    },
  };
}

export async function startRecordedPlugins(directory: string): Promise<Recorders & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const recording = new Recording();
  const [ptp, ptpam] = [join(directory, "ptp.sock"), join(directory, "ptpam.sock")];
  stack.use(await startPtp(ptp));
  stack.use(await serveSmallIpam("ptpam", ptpam));
  const recorders = [
    stack.use(await PluginRecorder.start(join(FOUND_IN, "ptp.sock"), ptp, recording)),
    stack.use(await PluginRecorder.start(join(FOUND_IN, "ptpam.sock"), ptpam, recording)),
  ];
  const opened = stack.move();
  return { recording, recorders, [Symbol.asyncDispose]: async () => opened.disposeAsync() };
}
