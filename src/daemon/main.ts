/**
 * causewayd: reads what it was asked for, puts the daemon together, serves until told to stop. Exit status 0 after a clean
 * stop, 1 when it could not start, with the reason as the last line on standard error.
 */
import { messageOf } from "../base/errors.ts";
import type { Json } from "../store/store.ts";
import { clusterNotes } from "./cluster-config.ts";
import { resolveConfig } from "./config.ts";
import type { DaemonConfig } from "./config.ts";
import { startDaemon } from "./daemon.ts";
import { parseCommandLine } from "./flags/command-line.ts";
import { mergeConfigFile } from "./flags/config-file.ts";
import { helpText } from "./flags/help.ts";
import { supportNotes } from "./flags/support.ts";
import { createLog } from "./logger.ts";
import type { DaemonLog } from "./logger.ts";
import { packageVersion } from "./package-version.ts";
import { Reloadable } from "./reloadable.ts";
import { stopAsked } from "./signals.ts";

/** Beyond the time that containers get, the rest of the daemon gets this much. */
const STOP_MARGIN_MS = 15_000;

interface Asked {
  readonly typed: ReadonlyMap<string, Json>;
  readonly config: DaemonConfig;
  readonly notes: readonly string[];
}

async function main(args: readonly string[]): Promise<void> {
  const typed = parseCommandLine(args);
  if (typed.get("help") === true) return console.log(helpText());
  if (typed.get("version") === true) return console.log(`Causeway version ${packageVersion()}, API 1.51`);
  const settings = mergeConfigFile(typed);
  const asked: Asked = {
    typed,
    config: resolveConfig(settings),
    notes: [...supportNotes(settings), ...clusterNotes(settings)],
  };
  if (settings.flag("validate")) return console.log("configuration OK");
  await serve(asked, createLog(asked.config.log));
}

/** From start to clean stop. */
async function serve({ typed, config, notes }: Asked, log: DaemonLog): Promise<void> {
  for (const note of notes) log.warn({}, note);
  const stop = stopAsked(log, config.shutdownTimeoutMs + STOP_MARGIN_MS);
  const reloadable = new Reloadable(config);
  {
    await using _daemon = await startDaemon(config, reloadable, log);
    process.on("SIGHUP", () => reloadable.reload(typed, log));
    logStrays(log);
    await stop;
    log.info({}, "Daemon shutting down");
  }
  log.info({}, "Daemon shutdown complete");
}

/** A promise that nobody looked after is a fault of ours, and no reason to take every container's network down. */
function logStrays(log: DaemonLog): void {
  process.on("unhandledRejection", (error) => {
    log.error({ stack: error instanceof Error ? error.stack : undefined }, `unhandled: ${messageOf(error)}`);
  });
}

try {
  await main(process.argv.slice(2));
  process.exit(0);
} catch (error) {
  console.error(`causewayd: ${messageOf(error)}\nSee 'causewayd --help'.`);
  process.exit(1);
}
