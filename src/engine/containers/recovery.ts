/**
 * What an engine finds when it opens, put in order: with live-restore, running containers are taken over; otherwise, and
 * where nothing runs any more, their ends are dealt with as if we had watched, with the exit code that the shim still knows.
 * Tasks, snapshots and fifos that no record owns go. Then containers whose policy says so are started. Several at once, as
 * one start is mostly waiting for runc, but only so many that the machine still does other things.
 */
import { readdir, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { someAtOnce } from "../../base/some-at-once.ts";
import { timestampNs, type TaskProcess } from "../containerd/messages.ts";
import type { EngineContext } from "../engine-context.ts";
import type { ContainerControl } from "./container-control.ts";
import type { ContainerEntry } from "./container-entry.ts";
import type { ContainerNetworks } from "./container-networks.ts";
import { startsWithEngine } from "./restart-policy.ts";
import { startWhenPossible } from "./start-when-possible.ts";

const AT_ONCE = 4 * availableParallelism();

export interface RecoveryParts {
  readonly context: EngineContext;
  readonly control: ContainerControl;
  readonly networks: ContainerNetworks;
}

/** Throws only when containerd does not answer; what goes wrong with one container is logged and does not stop the rest. */
export async function recover(parts: RecoveryParts): Promise<void> {
  const { context } = parts;
  const tasks = new Map((await context.containerd.client.tasks.list()).map((task) => [task.id, task]));
  await someAtOnce(context.registry.all(), AT_ONCE, (entry) =>
    guarded(context, entry.id, "recover container", () => recoverOne(parts, entry, tasks.get(entry.id))),
  );
  await sweep(parts, tasks);
  const down = context.registry.all().filter((entry) => !entry.running && startsWithEngine(entry.record));
  const starting = { context, start: async (entry: ContainerEntry) => parts.control.start(entry) };
  const start = async (entry: ContainerEntry): Promise<void> => startWhenPossible(starting, entry);
  await someAtOnce(
    down.filter((entry) => !needsAnother(entry)),
    AT_ONCE,
    start,
  );
  // Oldest first: what a container needs was there before it.
  for (const entry of down.filter(needsAnother)) await start(entry);
}

/** It shares another's network stack, or is linked to another, which must run before it can. */
function needsAnother({ record }: ContainerEntry): boolean {
  const { network, links = [] } = record.spec;
  return network.kind === "container" || links.length > 0;
}

async function recoverOne(parts: RecoveryParts, entry: ContainerEntry, task: TaskProcess | undefined): Promise<void> {
  const { context, control } = parts;
  const { state } = entry.record;
  if (state.status === "removing") return control.remove(entry, { force: true });
  if (state.status === "restarting") {
    const { exitCode, startedNs, finishedNs } = state;
    return context.registry.setState(entry, { status: "exited", exitCode, startedNs, finishedNs, oomKilled: false });
  }
  if (!entry.running) return leaveNothing(parts, entry);
  const alive = task?.status === "RUNNING" || task?.status === "PAUSED";
  if (alive && context.options.liveRestore) return control.runner.adopt(entry);
  return endOne(parts, entry, task);
}

/** A crash between steps may have left a sandbox to a container that does not run. */
async function leaveNothing({ control, networks }: RecoveryParts, entry: ContainerEntry): Promise<void> {
  if (entry.record.sandboxId === undefined) return;
  await control.runner.removeLeftovers(entry);
  await networks.leave(entry);
}

async function endOne(parts: RecoveryParts, entry: ContainerEntry, task: TaskProcess | undefined): Promise<void> {
  const { context, control, networks } = parts;
  const { registry, options } = context;
  const { state } = entry.record;
  if (state.status !== "running" && state.status !== "paused") return;
  const exit = (await control.runner.removeLeftovers(entry)) ?? task;
  await networks.leave(entry);
  const exitCode = exit?.exitStatus ?? 255;
  const finishedNs = timestampNs(exit?.exitedAt) ?? options.clock.nowNs();
  registry.setState(entry, { status: "exited", exitCode, startedNs: state.startedNs, finishedNs, oomKilled: false });
  registry.emit(entry, "die", { exitCode: String(exitCode) });
  if (entry.record.spec.autoRemove) await control.remove(entry, { force: true });
}

/** What carries no record's id was made by a run that crashed before it could store it, or after it had removed it. */
async function sweep({ context, control }: RecoveryParts, tasks: ReadonlyMap<string, TaskProcess>): Promise<void> {
  const { registry, containerd, snapshotter, options } = context;
  const { client } = containerd;
  const known = (id: string): boolean => registry.get(id) !== undefined;
  const records = (await client.containers.list()).map((container) => container.id);
  for (const id of new Set([...tasks.keys(), ...records])) {
    if (!known(id)) await guarded(context, id, "sweep task", () => control.runner.removeLeftovers({ id }));
  }
  for (const { name } of await client.snapshots.list(snapshotter)) {
    if (!/^[0-9a-f]{64}$/.test(name) || known(name)) continue;
    await guarded(context, name, "sweep snapshot", () => client.snapshots.remove(snapshotter, name));
  }
  const fifos = join(options.execRoot, "io");
  for (const name of await readdir(fifos).catch(() => [])) {
    if (registry.get(name)?.running !== true) await rm(join(fifos, name), { recursive: true, force: true });
  }
}

async function guarded(context: EngineContext, id: string, what: string, body: () => Promise<unknown>): Promise<void> {
  try {
    await body();
  } catch (error) {
    context.options.log.error({ id, error: messageOf(error) }, `${what} failed`);
  }
}
