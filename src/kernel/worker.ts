/**
 * The kernel thread itself: a loop over requests, each carried out to its end before the next, except programs, which run
 * beside. It starts in the daemon's namespace and is back there between any two requests, or it ends.
 */
import { parentPort, type MessagePort } from "node:worker_threads";
import { announce } from "./announce/send.ts";
import { apply, applyAll, failureOf } from "./apply/apply.ts";
import { forgetFlows } from "./conntrack/forget-flows.ts";
import { HOST, type NamespaceRef } from "./facts.ts";
import { readFilterGeneration } from "./filter/generation.ts";
import { readNftables, sendBatch } from "./nftables/transact.ts";
import { observe } from "./observe/observe.ts";
import { Watch } from "./observe/watch.ts";
import type { CallName, Calls, KernelRequest, WorkerMessage } from "./protocol.ts";
import type { Step } from "./step.ts";
import { Namespaces } from "./system/namespace.ts";
import { openSockets } from "./system/open-sockets.ts";
import { run } from "./system/run.ts";
import { readSysctl } from "./system/sysctl.ts";

if (parentPort === null) throw new Error("worker.ts runs as a worker thread");
const port: MessagePort = parentPort;
const post = (message: WorkerMessage): void => port.postMessage(message);

const namespaces = new Namespaces((reason) => {
  post({ kind: "abandoned", reason });
  return process.exit(1);
});

interface OpenWatch {
  readonly namespace: NamespaceRef;
  readonly watch: Watch;
}

const watches = new Map<number, OpenWatch>();
/** Calls that are not answered yet: programs that run. */
const underWay = new Set<Promise<void>>();

const calls: Calls = {
  apply(steps) {
    try {
      apply(namespaces, steps);
    } finally {
      releaseRemoved(steps);
    }
  },
  applyAll(steps) {
    const failures = applyAll(namespaces, steps);
    releaseRemoved(steps);
    return failures;
  },
  observe: (namespace, sysctls) => observe(namespaces, namespace, sysctls),
  watch(namespace, id) {
    const watch = new Watch(namespaces, namespace, () => post({ kind: "changed", watch: id }));
    watches.set(id, { namespace, watch });
  },
  unwatch,
  openSockets: (namespace, sockets) => namespaces.inside(namespace, () => openSockets(sockets)),
  readSysctl: (namespace, key) => namespaces.inside(namespace, () => readSysctl(key)),
  announce: (namespace, announcements) => namespaces.inside(namespace, () => announce(announcements)),
  forgetFlows: (namespace, patterns) => namespaces.inside(namespace, () => forgetFlows(patterns)),
  changeNftables: (namespace, datagram, last) => namespaces.inside(namespace, () => sendBatch(datagram, last)),
  readNftables: (namespace, name) => namespaces.inside(namespace, () => readNftables(name)),
  filterGeneration: (namespace) => namespaces.inside(namespace, readFilterGeneration),
  run: (namespace, command, options) => run(namespaces, namespace, command, options),
  async close() {
    await Promise.allSettled(underWay);
    for (const id of watches.keys()) unwatch(id);
    namespaces[Symbol.dispose]();
  },
};

function unwatch(id: number): void {
  watches.get(id)?.watch[Symbol.dispose]();
  watches.delete(id);
}

/** A watch would keep a removed namespace alive: it says so once more and ends. */
function releaseRemoved(steps: readonly Step[]): void {
  for (const { action, fact } of steps) {
    if (action !== "remove" || fact.kind !== "namespace" || fact.path === HOST) continue;
    for (const [id, { namespace }] of watches) {
      if (namespace !== fact.path) continue;
      unwatch(id);
      post({ kind: "changed", watch: id });
    }
  }
}

port.on("message", (request: KernelRequest) => {
  const answered = answer(request);
  if (request.call === "close") {
    void answered.finally(() => port.close());
    return;
  }
  underWay.add(answered);
  void answered.finally(() => underWay.delete(answered));
});

async function answer<Name extends CallName>({ id, call, parameters }: KernelRequest<Name>): Promise<void> {
  try {
    const result = perform(call, parameters);
    post({ kind: "result", id, value: result instanceof Promise ? await result : result });
  } catch (cause) {
    post({ kind: "failure", id, failure: failureOf(cause) });
  }
}

function perform<Name extends CallName>(call: Name, parameters: Parameters<Calls[Name]>): unknown {
  const table: { readonly [N in CallName]: (...parameters: Parameters<Calls[N]>) => unknown } = calls;
  return table[call](...parameters);
}
