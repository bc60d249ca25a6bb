/**
 * For tests: an engine over a real containerd and the real controller, in the private namespaces of a netns test, with a
 * busybox image made from the machine's busybox. Also what such tests ask again and again: run, read, count.
 */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError } from "../base/errors.ts";
import { systemClock } from "../base/clock.ts";
import type { EngineEvent } from "../base/event-bus.ts";
import type { Log } from "../base/log.ts";
import { silentLog } from "../base/log.ts";
import { openController, type OpenedController } from "../controller/open.ts";
import type { ContainerSpec } from "./container-spec.ts";
import type { AttachedStreams, Engine, ExecSpec } from "./engine.ts";
import { openEngine } from "./open.ts";
import { PLAIN_SPEC } from "./plain-spec.fixture.ts";

export const ROOT = { data: "/tmp/engine", exec: "/run/engine" } as const;

const PROGRAMS =
  "sh cat echo ls ip ping sleep id env head tail seq stty tty wc mount hostname dd true false yes nslookup nc touch sync";

/** Of this test alone, and of the processes that it starts: control groups are shared with the whole machine. */
export const CGROUP_PARENT = (process.env["CAUSEWAY_TEST_CGROUP"] ??= `/causeway-test-${randomUUID()}`);

export interface TestEngine extends AsyncDisposable {
  readonly engine: Engine;
  readonly opened: OpenedController;
  readonly events: EngineEvent[];
  /** What the engine logged as wrong. */
  readonly complaints: string[];
}

export async function openTestEngine(
  options: { readonly liveRestore?: boolean; readonly ownContainerd?: boolean } = {},
): Promise<TestEngine> {
  const complaints: string[] = [];
  const note = (fields: object, message: string): void => void complaints.push(`${message} ${JSON.stringify(fields)}`);
  const log: Log = { ...silentLog, error: note };
  const opened = await openController({ dataRoot: ROOT.data, runDirectory: ROOT.exec, log });
  const events: EngineEvent[] = [];
  opened.events.subscribe((event) => events.push(event));
  const engine = await openEngine({
    ownContainerd: options.ownContainerd ?? true,
    dataRoot: ROOT.data,
    execRoot: ROOT.exec,
    cgroupParent: CGROUP_PARENT,
    controller: opened.controller,
    store: opened.store,
    events: opened.events,
    clock: systemClock,
    log,
    liveRestore: options.liveRestore ?? false,
  });
  const close = async (): Promise<void> => {
    await engine[Symbol.asyncDispose]();
    await opened[Symbol.asyncDispose]();
  };
  return { engine, opened, events, complaints, [Symbol.asyncDispose]: close };
}

/** A root file system of nothing but busybox and two accounts, as a tar stream. */
export function busyboxTar(directory = "/tmp/busybox-root"): Readable {
  for (const name of ["bin", "etc", "tmp", "root"]) mkdirSync(join(directory, name), { recursive: true });
  const busybox = execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim();
  copyFileSync(busybox, join(directory, "bin/busybox"));
  for (const name of PROGRAMS.split(" ")) {
    try {
      symlinkSync("busybox", join(directory, "bin", name));
    } catch {
      // Made by an earlier call.
    }
  }
  writeFileSync(join(directory, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\nweb:x:33:33:web:/tmp:/bin/sh\n");
  writeFileSync(join(directory, "etc/group"), "root:x:0:\nweb:x:33:\nextra:x:44:web\n");
  return spawn("tar", ["cf", "-", "-C", directory, "."], { stdio: ["ignore", "pipe", "inherit"] }).stdout;
}

export async function importBusybox(engine: Engine): Promise<void> {
  const config = { command: ["sh"], environment: ["IMAGE=yes"] };
  await engine.images.import(busyboxTar(), { reference: "busybox", config, comment: "test" });
}

export interface Ended {
  readonly id: string;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Creates, attaches, starts, waits: what `docker run` does. */
export async function run(engine: Engine, spec: Partial<ContainerSpec>, input?: string): Promise<Ended> {
  const { id } = await engine.containers.create({ ...PLAIN_SPEC, ...spec });
  const options = { stdin: input !== undefined, stdout: true, stderr: true, logs: false, stream: true };
  const streams = await engine.containers.attach(id, options);
  const read = readAll(streams.output);
  const exit = engine.containers.wait(id, "next-exit");
  await engine.containers.start(id);
  if (input !== undefined) streams.stdin?.end(input);
  const { exitCode } = await exit;
  return { id, exitCode, ...(await read) };
}

/** Starts a container that stays. */
export async function startLong(engine: Engine, spec: Partial<ContainerSpec> = {}): Promise<string> {
  const { id } = await engine.containers.create({ ...PLAIN_SPEC, command: ["sleep", "1000"], ...spec });
  await engine.containers.start(id);
  return id;
}

export async function exec(
  engine: Engine,
  container: string,
  spec: Partial<ExecSpec> & Pick<ExecSpec, "command">,
  input?: string,
): Promise<{
  readonly id: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number | undefined;
}> {
  const id = await engine.execs.create(container, {
    tty: false,
    attachStdin: input !== undefined,
    attachStdout: true,
    attachStderr: true,
    environment: [],
    privileged: false,
    ...spec,
  });
  const streams: AttachedStreams | undefined = await engine.execs.start(id, { detach: false });
  if (input !== undefined) streams?.stdin?.end(input);
  const output = streams === undefined ? { stdout: "", stderr: "" } : await readAll(streams.output);
  const { state } = engine.execs.find(id);
  return { id, ...output, exitCode: state.status === "exited" ? state.exitCode : undefined };
}

export async function readAll(output: Readable): Promise<{ stdout: string; stderr: string }> {
  const texts = { stdout: "", stderr: "" };
  output.on("data", (chunk: { stream: "stdout" | "stderr"; bytes: Uint8Array }) => {
    texts[chunk.stream] += Buffer.from(chunk.bytes).toString();
  });
  if (!output.readableEnded) await once(output, "end");
  return texts;
}

/** Waits until `condition` holds; fails after the deadline, in milliseconds. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 10_000,
): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await delay(20);
  }
}

/** What an engine could leak, as the kernel counts it. */
export function counts(): Record<string, readonly string[] | number> {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return {
    // Garbage collection closes some descriptors late, so only pipes are ours for sure.
    fifos: readdirSync("/proc/self/fd").filter((fd) => isFifo(fd)).length,
    mounts: mounts.map((line) => line.split(" ")[4] ?? "").filter((path) => path.includes("engine")),
    links: execFileSync("ip", ["-br", "link"], { encoding: "utf8" })
      .split("\n")
      .map((line) => line.split(/[ @]/)[0] ?? ""),
    io: listing(join(ROOT.exec, "io")),
    containers: listing(join(ROOT.data, "containers")),
    runc: listing(join(ROOT.exec, "runc/causeway")),
  };
}

function isFifo(fd: string): boolean {
  try {
    return execFileSync("readlink", [`/proc/${process.pid}/fd/${fd}`], { encoding: "utf8" }).includes("/io/");
  } catch {
    return false;
  }
}

function listing(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** Process ids of shims in this process namespace. */
export function shims(): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => listing(`/proc/${pid}`).length > 0 && comm(pid).startsWith("containerd-shim"))
    .map(Number);
}

function comm(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8");
  } catch {
    return "";
  }
}

/** An exec that does nothing. */
export const TRUE: ExecSpec = {
  command: ["true"],
  tty: false,
  attachStdin: false,
  attachStdout: false,
  attachStderr: false,
  environment: [],
  privileged: false,
};

/** For assert.rejects: an EngineError of this code with this message. */
export function failsWith(code: string, text: string | RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof EngineError, String(error));
    assert.equal(error.code, code);
    if (typeof text === "string") assert.equal(error.message, text);
    else assert.match(error.message, text);
    return true;
  };
}
