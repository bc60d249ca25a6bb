/** For tests: the same words to the real docker CLI and to ours, against the same fake daemon. */
import { spawn, spawnSync } from "node:child_process";
import { PassThrough } from "node:stream";
import { text as readText } from "node:stream/consumers";
import type { Json } from "../store/store.ts";
import type { FakeDaemon, RecordedCall } from "./fake-daemon.ts";
import { main } from "./main.ts";

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number;
  readonly calls: readonly RecordedCall[];
}

/** Why the comparison cannot be made here; false when it can. */
export const DOCKER_MISSING: string | false =
  spawnSync("docker", ["--version"]).status === 0 ? false : "the docker CLI is not installed";

/** In UTC, without a configuration of the user's. */
const ENVIRONMENT = { PATH: process.env["PATH"], HOME: "/nonexistent", TZ: "UTC", DOCKER_CLI_HINTS: "false" };

export async function runDocker(fake: FakeDaemon, words: readonly string[], input = ""): Promise<Outcome> {
  const before = fake.calls.length;
  const child = spawn("docker", ["-H", fake.host, ...words], { env: ENVIRONMENT, timeout: 10_000 });
  child.stdin.on("error", () => undefined).end(input);
  const closed = Promise.withResolvers<number>();
  child.on("close", (status) => closed.resolve(status ?? -1));
  const [stdout, stderr, status] = await Promise.all([readText(child.stdout), readText(child.stderr), closed.promise]);
  return { stdout, stderr, status, calls: realCalls(fake, before) };
}

/** Ours, in this process, its own name replaced by docker's. */
export async function runOurs(fake: FakeDaemon, words: readonly string[], input = ""): Promise<Outcome> {
  const before = fake.calls.length;
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end(input);
  const texts = Promise.all([readText(stdout), readText(stderr)]);
  const status = await main(["-H", fake.host, ...words], { stdin, stdout, stderr, environment: ENVIRONMENT });
  stdout.end();
  stderr.end();
  const [out, error] = (await texts).map((text) => text.replaceAll("causeway", "docker"));
  return { stdout: out ?? "", stderr: error ?? "", status, calls: realCalls(fake, before) };
}

/**
 * What was asked, without the two CLIs' ways of finding the API's version and the kind of daemon. Empty members of bodies do
 * not count: docker sends every field of its structs, which the daemon reads like absent ones.
 */
function realCalls(fake: FakeDaemon, from: number): readonly RecordedCall[] {
  const calls = fake.calls.slice(from).filter(({ call }) => !/ (\/_ping|\/info)$/.test(call));
  return calls.map(({ call, query, body }) => ({ call, query, body: withoutEmpty(body) ?? null }));
}

function withoutEmpty(json: Json): Json | undefined {
  if (json === null || json === "" || json === 0 || json === false) return undefined;
  if (typeof json !== "object") return json;
  // docker's lists made from maps have no order
  if (isList(json)) return json.length === 0 ? undefined : sortObjects(json);
  if (isPortOrPathSet(json)) return json;
  const members = Object.entries(json).map(([key, value]) => [key, withoutEmpty(value)] as const);
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

function sortObjects(list: readonly Json[]): readonly Json[] {
  return list.every((member) => typeof member === "object") ? list.toSorted(byText) : list;
}

function byText(a: Json, b: Json): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
