/** `/containers*` without streams: list, create, inspect, remove, prune, rename, top (Docker API v1.51). */
import { EngineError } from "../../base/errors.ts";
import type { ApiApp, ById } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { createSpec } from "../container-create/create-spec.ts";
import { containerFilter, LIST_FILTERS, PRUNE_FILTERS, pruneFilter } from "../container-filters.ts";
import { emitPrune } from "../prune-event.ts";
import { Filters } from "../filters.ts";
import { Query } from "../query.ts";
import { ContainerCreateBody, type ContainerCreateRequest } from "../schema/container-bodies.ts";
import { containerInspect } from "../view/container-inspect.ts";
import { containerSummary } from "../view/container-summary.ts";

export function containerRoutes(app: ApiApp, context: ApiContext): void {
  const { containers } = context.engine;
  app.get("/containers/json", (request) => listed(context, new Query(request.url), request.apiMinor));
  app.get<ById>("/containers/:id/json", (request) => inspected(context, request.params.id, request.apiMinor));
  app.post("/containers/create", { schema: { body: ContainerCreateBody } }, async (request, reply) => {
    const name = new Query(request.url).text("name");
    const created = await create(context, { request: request.body, name, minor: request.apiMinor });
    return reply.code(201).send(created);
  });
  app.delete<ById>("/containers/:id", async (request, reply) => {
    const query = new Query(request.url);
    if (query.flag("link")) throw new EngineError("not-implemented", "removing links is not implemented yet");
    await containers.remove(request.params.id, { force: query.flag("force") });
    return reply.code(204).send();
  });
  app.post("/containers/prune", async (request) => {
    const filters = Filters.parse(new Query(request.url).text("filters"), PRUNE_FILTERS);
    const ids = await containers.prune(pruneFilter(filters, context.clock.nowNs()));
    emitPrune(context, "container");
    return { ContainersDeleted: ids.length === 0 ? null : ids, SpaceReclaimed: 0 };
  });
  app.post<ById>("/containers/:id/rename", async (request, reply) => {
    const name = new Query(request.url).text("name").replace(/^\//, "");
    if (name === "") throw new EngineError("invalid-argument", "Neither old nor new names may be empty");
    await containers.rename(request.params.id, name);
    return reply.code(204).send();
  });
  app.get<ById>("/containers/:id/top", async (request) => {
    const { titles, processes } = await containers.top(request.params.id);
    return { Titles: titles, Processes: processes };
  });
}

/** Newest first; running ones only unless `all`, `limit` or a filter on the state asks for more. */
function listed({ engine, clock }: ApiContext, query: Query, minor: number) {
  const filters = Filters.parse(query.text("filters"), LIST_FILTERS);
  const limit = query.integer("limit") ?? 0;
  const before = ["status", "exited", "before", "since"].some((key) => filters.has(key));
  const everyState = query.flag("all") || limit > 0 || before;
  const selects = containerFilter(filters, engine);
  const found = engine.containers
    .list()
    .filter(
      ({ state }) =>
        everyState || state.status === "running" || state.status === "paused" || state.status === "restarting",
    )
    .filter(selects)
    .sort((a, b) => (a.createdNs < b.createdNs ? 1 : -1));
  const nowNs = clock.nowNs();
  return (limit > 0 ? found.slice(0, limit) : found).map((container) =>
    containerSummary({
      container,
      sandbox: engine.containers.sandbox(container.id),
      networks: engine.networks,
      minor,
      nowNs,
    }),
  );
}

async function inspected({ engine }: ApiContext, reference: string, minor: number) {
  const container = engine.containers.find(reference);
  const { snapshotter, dataRoot } = await engine.info();
  const sandbox = engine.containers.sandbox(container.id);
  return containerInspect({ container, sandbox, networks: engine.networks, minor, snapshotter, dataRoot });
}

interface CreateQuery {
  readonly request: ContainerCreateRequest;
  readonly name: string;
  readonly minor: number;
}

async function create({ engine }: ApiContext, { request, name: given, minor }: CreateQuery) {
  const isEmpty = Object.keys(request).every((key) => key === "HostConfig" || key === "NetworkingConfig");
  if (isEmpty) throw new EngineError("invalid-argument", "config cannot be empty in order to create a container");
  const name = given.replace(/^\//, "");
  if (name !== "" && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name)) {
    const rule = "only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed";
    throw new EngineError("invalid-argument", `Invalid container name (${given}), ${rule}`);
  }
  const image = await engine.images.find(request.Image ?? "");
  const { spec, warnings } = createSpec({ request, name, minor, image: image.config });
  const created = await engine.containers.create(spec);
  return { Id: created.id, Warnings: [...warnings, ...created.warnings] };
}
