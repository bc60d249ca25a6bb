/** For tests: the same words to the real docker CLI and to ours, against the same fake daemon. */
import { spawn, spawnSync } from "node:child_process";
import { PassThrough } from "node:stream";
import { text as readText } from "node:stream/consumers";
import type { Json } from "../store/store.ts";
import { FakeDaemon, type FakeAnswer, type RecordedCall } from "./fake-daemon.ts";
import { main } from "./main.ts";

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
  readonly calls: readonly RecordedCall[];
}

/** The version whose output ours is compared with, and how many comparisons run at once: each waits for processes. */
const DOCKER = 28;
export const AT_ONCE = 4;

/** Why the comparison cannot be made here; false when it can. */
export const DOCKER_MISSING: string | false = findMissing();

function findMissing(): string | false {
  const { status, stdout } = spawnSync("docker", ["--version"], { encoding: "utf8" });
  if (status !== 0) return "the docker CLI is not installed";
  const version = /version (\d+)\S*/.exec(stdout);
  return Number(version?.[1]) === DOCKER ? false : `compares with docker ${DOCKER}; here is ${version?.[0]}`;
}

/** In UTC, without a configuration of the user's. */
const ENVIRONMENT = { PATH: process.env["PATH"], HOME: "/nonexistent", TZ: "UTC", DOCKER_CLI_HINTS: "false" };

export interface Comparison {
  readonly theirs: Outcome;
  readonly ours: Outcome;
}

/** The same words to both, each with a daemon of its own that has these answers. */
export async function runBoth(
  answers: Readonly<Record<string, FakeAnswer>>,
  words: readonly string[],
  input = "",
): Promise<Comparison> {
  const [theirs, ours] = await Promise.all(
    [runDocker, runOurs].map(async (runIt) => {
      await using fake = await FakeDaemon.start(answers);
      const said = await runIt(fake.host, words, input);
      return { ...said, calls: realCalls(fake.calls) };
    }),
  );
  if (theirs === undefined || ours === undefined) throw new Error("two were started");
  return { theirs, ours };
}

type Said = Omit<Outcome, "calls">;

async function runDocker(host: string, words: readonly string[], input: string): Promise<Said> {
  // it passes gentler signals on to the container
  const child = spawn("docker", ["-H", host, ...words], { env: ENVIRONMENT, timeout: 10_000, killSignal: "SIGKILL" });
  child.stdin.on("error", () => undefined).end(input);
  const closed = Promise.withResolvers<number>();
  child.on("close", (status) => closed.resolve(status ?? -1));
  const [stdout, stderr, status] = await Promise.all([readText(child.stdout), readText(child.stderr), closed.promise]);
  return { stdout, stderr, status };
}

/** Ours, in this process, its own name replaced by docker's. */
async function runOurs(host: string, words: readonly string[], input: string): Promise<Said> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(input);
  const texts = Promise.all([readText(stdout), readText(stderr)]);
  const status = await main(["-H", host, ...words], { stdin, stdout, stderr, environment: ENVIRONMENT });
  stdout.end();
  stderr.end();
  const [out, error] = (await texts).map((text) => text.replaceAll("causeway", "docker"));
  return { stdout: out ?? "", stderr: error ?? "", status };
}

/**
 * What was asked, without the two CLIs' ways of finding the API's version and the kind of daemon. Empty members of bodies do
 * not count: docker sends every field of its structs, which the daemon reads like absent ones.
 */
function realCalls(all: readonly RecordedCall[]): readonly RecordedCall[] {
  const calls = all.filter(({ call }) => !/ (\/_ping|\/info)$/.test(call));
  return calls.map(({ call, query, body }) => ({ call, query, body: withoutEmpty(body) ?? null }));
}

function withoutEmpty(json: Json): Json | undefined {
  if (json === null || json === "" || json === 0 || json === false) return undefined;
  if (typeof json !== "object") return json;
  if (isList(json)) return json.length === 0 ? undefined : sortObjects(json);
  if (isPortOrPathSet(json)) return json;
  const members = Object.entries(json).map(([key, value]) => [key, withoutEmpty(inOrder(key, value))] as const);
  const full = members.filter((member): member is [string, Json] => member[1] !== undefined);
  return full.length === 0 ? undefined : Object.fromEntries(full);
}

function isList(json: Json): json is readonly Json[] {
  return Array.isArray(json);
}

/** `{"80/tcp": {}}`, `{"/data": {}}`: here the names are the news. */
function isPortOrPathSet(json: Json): boolean {
  const keys = typeof json === "object" && json !== null ? Object.keys(json) : [];
  return keys.length > 0 && keys.every((key) => /^\d+\/|^\//.test(key));
}

/** What docker makes of a map has no order. */
function inOrder(key: string, value: Json): Json {
  return (key === "Env" || key === "Binds") && isList(value) ? value.toSorted(byText) : value;
}

/** Likewise. */
function sortObjects(list: readonly Json[]): readonly Json[] {
  return list.every((member) => typeof member === "object") ? list.toSorted(byText) : list;
}

function byText(a: Json, b: Json): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
