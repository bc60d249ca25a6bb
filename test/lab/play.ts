/**
 * A lab for a human: opens one in namespaces of its own and a shell in it, and takes everything down when the shell ends.
 *
 *     node test/lab/play.ts [HOSTS] [etcd|consul|zookeeper]
 *
 * In the shell, `docker1 ...` is the docker CLI on host1, `on1 ...` runs a command there (alone: a shell), and `off1`, `up1`, `cut1`,
 * `heal1` switch it off, on, pull its cable and plug it in again.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isolated } from "../../tools/testing/isolated.ts";
import { missingStore, STORE_KINDS, type StoreKind } from "../support/cluster-servers.ts";
import { Lab } from "./lab.ts";
import type { LabHost } from "./lab-host.ts";

const ROOT = dirname(dirname(import.meta.dirname));
const MARK = "CAUSEWAY_LAB";

/** What is asked of the lab from its shell; a machine's process 1 is another after each boot. */
const ACTS: Readonly<Record<string, (host: LabHost) => Promise<string>>> = {
  off: async (host) => host.switchOff().then(() => "is off"),
  up: async (host) => host.switchOn().then(() => "is on"),
  cut: async (host) => host.setCable("down").then(() => "has no cable"),
  heal: async (host) => host.setCable("up").then(() => "has its cable"),
  within: async (host) => Promise.resolve(host.commandOn().join(" ")),
};

async function play(count: number, kind: StoreKind): Promise<void> {
  console.log(`${count} hosts over ${kind} start ...`);
  await using lab = await Lab.open(kind, { hosts: count, ttlS: 10 });
  const directory = mkdtempSync(join(tmpdir(), "lab-shell-"));
  const switchboard = join(directory, "switchboard");
  const server = createServer((request, response) => {
    void act(lab, request.url ?? "").then((answer) => response.end(`${answer}\n`));
  }).listen(switchboard);
  await once(server, "listening");
  const rc = join(directory, "rc");
  const functions = lab.hosts.map((host, index) => functionsFor(host, index + 1, switchboard));
  writeFileSync(rc, [...functions, 'PS1="lab> "', ""].join("\n"));
  console.log(describe(lab));
  const shell = spawn("bash", ["--rcfile", rc, "-i"], { stdio: "inherit", env: { ...process.env, HISTFILE: "" } });
  await once(shell, "exit");
  server.closeAllConnections();
  server.close();
  rmSync(directory, { recursive: true, force: true });
  console.log("the lab goes ...");
}

/** `/off/1`: what the shell asked for, and what came of it. */
async function act(lab: Lab, path: string): Promise<string> {
  const [, what = "", number = ""] = path.split("/");
  try {
    const host = lab.host(Number(number));
    const said = await ACTS[what]?.(host);
    if (said === undefined) return `${host.name} does not know how to ${what}`;
    return what === "within" ? said : `${host.name} ${said}`;
  } catch (cause) {
    return String(cause);
  }
}

function functionsFor(host: LabHost, number: number, switchboard: string): string {
  const ask = (what: string): string => `curl -s --unix-socket ${switchboard} http://lab/${what}/${number}`;
  const acts = Object.keys(ACTS).filter((name) => name !== "within");
  return [
    `docker${number}() { docker -H ${host.daemon.host} "$@"; }`,
    `on${number}() { $(${ask("within")}) "\${@:-bash}"; }`,
    ...acts.map((name) => `${name}${number}() { ${ask(name)}; }`),
  ].join("\n");
}

function describe(lab: Lab): string {
  const rows = lab.hosts.map((host, index) => {
    const number = index + 1;
    return `  ${host.name}  ${host.address}  docker${number}  on${number}  off${number} up${number} cut${number} heal${number}   DOCKER_HOST=${host.daemon.host}`;
  });
  return [
    `The store is ${lab.store.url}; each host has the image busybox. Commands of this shell:`,
    ...rows,
    "Try: docker1 network create -d overlay shop; docker1 run -d --net shop --name c1 busybox sleep 3600;",
    "     docker2 run -it --rm --net shop busybox ping c1",
  ].join("\n");
}

function main(words: readonly string[]): Promise<void> | void {
  const [count, kind] = [Number(words[0] ?? 3), words[1] ?? "etcd"];
  const known = STORE_KINDS.find((one) => one === kind);
  if (known === undefined || !Number.isInteger(count) || count < 1 || count > 200) {
    console.error(`usage: node test/lab/play.ts [HOSTS, 1 to 200] [${STORE_KINDS.join("|")}]`);
    process.exitCode = 2;
    return;
  }
  const missing = missingStore(known);
  if (missing !== false) throw new Error(missing);
  if (process.env[MARK] !== undefined) return play(count, known);
  const [program, ...args] = isolated(ROOT, [process.execPath, import.meta.filename, String(count), known]);
  const { status } = spawnSync(program, args, { stdio: "inherit", env: { ...process.env, [MARK]: "1" } });
  process.exitCode = status ?? 1;
}

await main(process.argv.slice(2));
