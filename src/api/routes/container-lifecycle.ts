/** `/containers/{id}/start|stop|restart|kill|pause|unpause|wait|resize` (Docker API v1.51). */
import { EngineError, messageOf } from "../../base/errors.ts";
import type { WaitCondition } from "../../engine/engine.ts";
import { onAnswerOver, standardHeaders, type ApiApp, type ById } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { Query } from "../query.ts";

export function containerLifecycleRoutes(app: ApiApp, context: ApiContext): void {
  const { containers } = context.engine;
  const verb = (name: string, act: (id: string, query: Query) => Promise<void>): void => {
    app.post<ById>(`/containers/:id/${name}`, async (request, reply) => {
      await act(request.params.id, new Query(request.url));
      return reply.code(204).send();
    });
  };
  verb("start", (id) => containers.start(id));
  verb("stop", (id, query) => containers.stop(id, stopOptions(query)));
  verb("restart", (id, query) => containers.restart(id, stopOptions(query)));
  verb("kill", (id, query) => containers.kill(id, query.text("signal") || undefined));
  verb("pause", (id) => containers.pause(id));
  verb("unpause", (id) => containers.unpause(id));
  app.post<ById>("/containers/:id/resize", async (request, reply) => {
    await containers.resize(request.params.id, terminalSize(new Query(request.url)));
    return reply.code(200).send();
  });
  waitRoute(app, context);
}

function stopOptions(query: Query): { readonly timeoutSeconds?: number; readonly signal?: string } {
  const timeoutSeconds = query.integer("t");
  const signal = query.text("signal");
  return { ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }), ...(signal === "" ? {} : { signal }) };
}

/** `h` and `w` in character cells. Throws `invalid-argument`. */
export function terminalSize(query: Query): { readonly rows: number; readonly columns: number } {
  const size = { rows: query.integer("h") ?? 0, columns: query.integer("w") ?? 0 };
  const fits = (cells: number): boolean => cells >= 0 && cells < 65536;
  if (fits(size.rows) && fits(size.columns)) return size;
  throw new EngineError("invalid-argument", `terminal size ${size.rows}x${size.columns} is out of range`);
}

const CONDITIONS: Readonly<Record<string, WaitCondition>> = {
  "": "not-running",
  "not-running": "not-running",
  "next-exit": "next-exit",
  removed: "removed",
};

/** The headers go out at once: clients start the container only when they know that somebody waits for it. */
function waitRoute(app: ApiApp, { engine, settings }: ApiContext): void {
  app.post<ById>("/containers/:id/wait", async (request, reply) => {
    const asked = new Query(request.url).text("condition");
    const condition = CONDITIONS[asked];
    if (condition === undefined)
      throw new EngineError("invalid-argument", `invalid condition: ${JSON.stringify(asked)}`);
    const { id } = engine.containers.find(request.params.id);
    const departed = new AbortController();
    onAnswerOver(reply, () => departed.abort());
    const waiting = engine.containers.wait(id, condition, departed.signal).then(waitAnswer, waitFailure);
    reply.hijack();
    reply.raw.writeHead(200, { ...standardHeaders(settings), "Content-Type": "application/json" });
    reply.raw.flushHeaders();
    const answer = await waiting;
    reply.raw.end(`${JSON.stringify(answer)}\n`);
  });
}

function waitAnswer({ exitCode, error }: { readonly exitCode: number; readonly error?: string }) {
  return error === undefined ? { StatusCode: exitCode } : { StatusCode: exitCode, Error: { Message: error } };
}

function waitFailure(error: unknown) {
  return { StatusCode: 125, Error: { Message: messageOf(error) } };
}
