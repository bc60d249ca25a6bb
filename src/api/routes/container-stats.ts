/**
 * `GET /containers/{id}/stats` (Docker API v1.51): one sample, or one each second until the client or the container goes.
 * Without `one-shot` a single sample is the second of two, so that it can tell a percentage.
 */
import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Container } from "../../engine/container.ts";
import { onAnswerOver, standardHeaders, type ApiApp, type ById } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { cgroupUsage, systemCpuNs } from "../cgroup-usage.ts";
import { Query } from "../query.ts";
import { statsView, type Sample } from "../view/stats.ts";

const INTERVAL_MS = 1000;

export function containerStatsRoutes(app: ApiApp, context: ApiContext): void {
  const { engine, settings } = context;
  app.get<ById>("/containers/:id/stats", async (request, reply) => {
    const query = new Query(request.url);
    const container = engine.containers.find(request.params.id);
    const gone = new AbortController();
    onAnswerOver(reply, () => gone.abort());
    if (!query.flag("stream", true))
      return single(context, container, query.flag("one-shot") ? undefined : gone.signal);
    reply.hijack();
    reply.raw.writeHead(200, { ...standardHeaders(settings), "Content-Type": "application/json" });
    try {
      await stream(context, container, { response: reply.raw, gone: gone.signal });
    } catch (error) {
      context.log.debug({ error, container: container.id }, "statistics ended early");
    } finally {
      reply.raw.end();
    }
    return reply;
  });
}

/** With a signal, the second of two samples, a second after the first. */
async function single(context: ApiContext, container: Container, gone: AbortSignal | undefined) {
  const first: Partial<Sample> = gone === undefined ? {} : await sampleNow(context, container.id);
  if (gone !== undefined && first.usage !== undefined) await pause(gone);
  return statsView(container, await sampleNow(context, container.id), first);
}

interface Stream {
  readonly response: ServerResponse;
  readonly gone: AbortSignal;
}

/** Until the client is gone or does not read, or the container is no more. */
async function stream(context: ApiContext, container: Container, { response, gone }: Stream): Promise<void> {
  let previous: Partial<Sample> = {};
  let view: Container | undefined = container;
  while (view !== undefined && !gone.aborted && !response.writableNeedDrain) {
    const sample = await sampleNow(context, view.id);
    response.write(`${JSON.stringify(statsView(view, sample, previous))}\n`);
    previous = sample;
    await pause(gone);
    view = context.engine.containers.list().find(({ id }) => id === container.id);
  }
}

async function sampleNow({ engine, clock }: ApiContext, id: string): Promise<Partial<Sample>> {
  const container = engine.containers.list().find((candidate) => candidate.id === id);
  if (container === undefined || !("pid" in container.state)) return { timeNs: clock.nowNs() };
  const sandbox = engine.containers.sandbox(id);
  const shared = sandbox === undefined || sandbox.hostNamespace;
  const [usage, system, links] = await Promise.all([
    cgroupUsage(container.state.pid),
    systemCpuNs(),
    shared ? undefined : engine.networks.statistics(sandbox.id),
  ]);
  return { timeNs: clock.nowNs(), usage, systemCpuNs: system, ...(links === undefined ? {} : { links }) };
}

async function pause(signal: AbortSignal): Promise<void> {
  try {
    await delay(INTERVAL_MS, undefined, { signal });
  } catch {
    // The client left: the caller looks at the signal.
  }
}
