/** The fastify application: how versions, bodies, headers and errors are treated on every route, and the routes. */
import fastify, { type FastifyReply, type FastifyRequest } from "fastify";
import type { IncomingMessage } from "node:http";
import { standardHeaders, type ApiApp } from "./api-app.ts";
import type { ApiContext } from "./api-context.ts";
import { negotiate, NEWEST_MINOR, splitVersion } from "./api-version.ts";
import { attachRoutes } from "./routes/attach.ts";
import { commitRoute } from "./routes/commit.ts";
import { containerLifecycleRoutes } from "./routes/container-lifecycle.ts";
import { containerLogRoutes } from "./routes/container-logs.ts";
import { containerStatsRoutes } from "./routes/container-stats.ts";
import { containerRoutes } from "./routes/containers.ts";
import { eventRoutes } from "./routes/events.ts";
import { execRoutes } from "./routes/exec.ts";
import { imageRoutes } from "./routes/images.ts";
import { networkRoutes } from "./routes/networks.ts";
import { portRoutes } from "./routes/ports.ts";
import { refusedRoutes } from "./routes/refused.ts";
import { systemRoutes } from "./routes/system.ts";
import { volumeRoutes } from "./routes/volumes.ts";
import { installBodies, type DecoderTypeProvider } from "./schema/body.ts";
import { failureOf } from "./status.ts";

const DEFAULT_BODY_LIMIT = 1024 * 1024;
const DEFAULT_BODY_TIMEOUT_MS = 60_000;

/** Ready to route once its `ready()` resolved. */
export function createApp(context: ApiContext): ApiApp {
  const versions = new WeakMap<IncomingMessage, string>();
  const app: ApiApp = fastify({
    logger: false,
    bodyLimit: Number.MAX_SAFE_INTEGER,
    exposeHeadRoutes: true,
    routerOptions: { maxParamLength: 4096 },
    rewriteUrl(request) {
      const { version, path } = splitVersion(request.url ?? "/");
      if (version !== undefined) versions.set(request, version);
      return path;
    },
    frameworkErrors: refuseUrl,
  }).withTypeProvider<DecoderTypeProvider>();
  app.decorateRequest("apiMinor", NEWEST_MINOR);
  app.addHook("onRequest", async (request, reply) => {
    reply.headers(standardHeaders(context.settings));
    request.apiMinor = negotiate(versions.get(request.raw));
  });
  app.addHook("onSend", async (_request, reply) => {
    // The docker CLI shows `message` only of exactly this type: fastify's charset would make it print the JSON.
    const type = reply.getHeader("content-type");
    if (typeof type === "string" && type.startsWith("application/json"))
      reply.header("Content-Type", "application/json");
  });
  const { bodyLimit: bytes = DEFAULT_BODY_LIMIT, bodyTimeoutMs: timeoutMs = DEFAULT_BODY_TIMEOUT_MS } =
    context.settings;
  installBodies(app, { bytes, timeoutMs });
  installErrors(app, context);
  addRoutes(app, context);
  return app;
}

/** A URL that cannot be decoded. */
function refuseUrl(error: Error, _request: FastifyRequest, reply: FastifyReply): void {
  void reply.code(400).send({ message: error.message });
}

function installErrors(app: ApiApp, { log }: ApiContext): void {
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ message: "page not found" }));
  app.setErrorHandler((error, request, reply) => {
    const { status, message } = failureOf(error);
    if (status === 500) log.error({ error, method: request.method, url: request.url }, "request failed");
    if (status === 304) return reply.code(304).send();
    if (status === 413 || status === 408) reply.header("Connection", "close");
    return reply.code(status).type("application/json").send({ message });
  });
}

function addRoutes(app: ApiApp, context: ApiContext): void {
  systemRoutes(app, context);
  networkRoutes(app, context);
  containerRoutes(app, context);
  containerLifecycleRoutes(app, context);
  containerLogRoutes(app, context);
  containerStatsRoutes(app, context);
  attachRoutes(app, context);
  execRoutes(app, context);
  imageRoutes(app, context);
  commitRoute(app, context);
  eventRoutes(app, context);
  portRoutes(app, context);
  volumeRoutes(app);
  refusedRoutes(app);
}
