/** For tests of the netns tier: foreign tools as judges, and a guard against running anywhere but in a private namespace. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { HOST, type KernelFact, type NamespaceRef } from "../facts.ts";
import type { Step } from "../step.ts";

/** Throws unless lo is the only link: `tools/run-tests.ts` gives each file such a namespace. */
export function requirePrivateNamespace(): void {
  const names = readdirSync("/sys/class/net");
  assert.deepEqual(names, ["lo"], "this test changes the network; run it with tools/run-tests.ts");
}

/** What a shell command prints. */
export function sh(command: string): string {
  return execFileSync("sh", ["-ec", command], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** Whether a shell command succeeds. */
export function succeeds(command: string): boolean {
  try {
    sh(command);
    return true;
  } catch {
    return false;
  }
}

/** The command line that runs `command` in a namespace. */
export function within(namespace: NamespaceRef, command: string): string {
  return namespace === HOST ? command : `nsenter --net=${namespace} ${command}`;
}

export interface JsonObject {
  readonly [key: string]: unknown;
}

/** What `ip -j` or `bridge -j` prints, e.g. `ip -j -d link`; an empty print is an empty list. */
export function json(command: string, namespace: NamespaceRef = HOST): readonly JsonObject[] {
  const parsed: unknown = JSON.parse(sh(within(namespace, command)).trim() || "[]");
  assert.ok(Array.isArray(parsed), command);
  return parsed.filter((item): item is JsonObject => typeof item === "object" && item !== null);
}

/** The entry of `ip -j -d link` with that name, its nested objects by dotted keys. */
export function linkJson(name: string, namespace: NamespaceRef = HOST): JsonObject | undefined {
  const found = json("ip -j -d link", namespace).find((link) => link["ifname"] === name);
  return found === undefined ? undefined : flatten(found);
}

function flatten(value: object, prefix = ""): JsonObject {
  const entries = Object.entries(value).flatMap(([key, inner]: [string, unknown]): [string, unknown][] =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.entries(flatten(inner, `${prefix}${key}.`))
      : [[`${prefix}${key}`, inner]],
  );
  return Object.fromEntries(entries);
}

/** Names of all links but lo. */
export function linkNames(namespace: NamespaceRef = HOST): readonly string[] {
  return json("ip -j link", namespace)
    .map((link) => String(link["ifname"]))
    .filter((name) => name !== "lo");
}

/** Open descriptors of this process, worker threads included. */
export function openFds(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Waits until the condition holds, looking every 10 ms; fails after 5 s. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `not within 5 s: ${what}`);
    await delay(10);
  }
}

export function ensure(...facts: readonly KernelFact[]): readonly Step[] {
  return facts.map((fact) => ({ action: "ensure", fact }));
}

/** The facts backwards. */
export function remove(...facts: readonly KernelFact[]): readonly Step[] {
  return [...facts].reverse().map((fact) => ({ action: "remove", fact }));
}
