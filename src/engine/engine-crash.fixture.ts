/** For tests: a process that opens an engine, starts a container and says so; the test then kills it, as a crash would. */
import { importBusybox, openTestEngine, startLong } from "./engine.fixture.ts";

const script = process.argv[2] ?? "sleep 1000";
const { engine } = await openTestEngine({ liveRestore: true });
if ((await engine.images.list()).length === 0) await importBusybox(engine);
const id = await startLong(engine, {
  command: ["sh", "-c", script],
  network: { kind: "network", name: "bridge" },
  openStdin: true,
});
process.stdout.write(`${id}\n`);
