/** Attaching to a container's first process, before its start or while it runs: its output from now on, and its stdin. */
import { Readable } from "node:stream";
import { EngineError, messageOf } from "../../base/errors.ts";
import type { EngineContext } from "../engine-context.ts";
import type { AttachedStreams, AttachOptions } from "../engine.ts";
import { readLogSoFar } from "../streams/log-reader.ts";
import type { ContainerEntry } from "./container-entry.ts";
import { LateStdin } from "./late-stdin.ts";

/** Throws `conflict` with Docker's texts for a container that is paused or about to be started again. */
export async function attachTo(
  context: EngineContext,
  entry: ContainerEntry,
  options: AttachOptions,
): Promise<AttachedStreams> {
  const { status } = entry.record.state;
  if (status === "paused") {
    throw new EngineError("conflict", `container ${entry.id} is paused, unpause the container before attach`);
  }
  if (status === "restarting") {
    throw new EngineError("conflict", `container ${entry.id} is restarting, wait until the container is running`);
  }
  const { tty, openStdin, stdinOnce } = entry.record.spec;
  const wanted = { stdout: options.stdout, stderr: options.stderr };
  await entry.run?.log.flush();
  const before = options.logs ? { before: readLogSoFar(entry.logPath) } : {};
  const output = options.stream ? entry.hub.attach({ ...wanted, ...before }) : onlyLogs(before.before);
  context.registry.emit(entry, "attach");
  if (!options.stdin || !openStdin || !options.stream) return { output, tty };
  const stdin = new LateStdin(entry, stdinOnce && !tty ? () => closeStdin(context, entry) : undefined);
  output.once("close", () => stdin.destroy());
  return { output, tty, stdin };
}

function onlyLogs(before: AsyncIterable<unknown> | undefined): Readable {
  return Readable.from(before ?? [], { objectMode: true });
}

/** Never fails: a process that is ending has no stdin to close. */
async function closeStdin(context: EngineContext, entry: ContainerEntry): Promise<void> {
  await entry.run?.streams.endStdin();
  await context.containerd.client.tasks.closeStdin({ containerId: entry.id }).catch((error: unknown) => {
    context.options.log.debug({ container: entry.id, error: messageOf(error) }, "stdin could not be closed");
  });
}
