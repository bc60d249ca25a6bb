/**
 * `causeway plugin`: serves dockerd until told to stop. Exit status 0 after a clean stop, 1 when it could not start, with the
 * reason as the last line on standard error.
 */
import { messageOf } from "../../base/errors.ts";
import { createLog } from "../logger.ts";
import { stopAsked } from "../signals.ts";
import { parsePluginOptions, PLUGIN_HELP } from "./plugin-options.ts";
import { runPlugin } from "./run-plugin.ts";

const STOP_WITHIN_MS = 15_000;

async function main(args: readonly string[]): Promise<void> {
  const config = parsePluginOptions(args);
  if (config === "help") return void process.stdout.write(PLUGIN_HELP);
  const log = createLog(config.log);
  const stop = stopAsked(log, STOP_WITHIN_MS);
  process.on("unhandledRejection", (error) => {
    log.error({ stack: error instanceof Error ? error.stack : undefined }, `unhandled: ${messageOf(error)}`);
  });
  {
    await using _plugin = await runPlugin(config, log);
    await stop;
  }
  log.info({}, "plugin has ended");
}

try {
  // The first word is "plugin", by which the door found us.
  await main(process.argv.slice(3));
  process.exit(0);
} catch (error) {
  console.error(`causeway plugin: ${messageOf(error)}\nSee 'causeway plugin --help'.`);
  process.exit(1);
}
