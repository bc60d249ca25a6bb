/** `/networks*` (Docker API v1.51, moby `server/router/network`). Messages of refusal are the controller's. */
import { EngineError } from "../../base/errors.ts";
import type { NetworkController } from "../../controller/cnm.ts";
import type { NetworkIntent } from "../../drivers/intent.ts";
import type { ApiApp, ById } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { endpointSettings } from "../container-create/endpoint-settings.ts";
import { Filters, parseUntil } from "../filters.ts";
import { networkSpec } from "../network-create.ts";
import { emitPrune } from "../prune-event.ts";
import { Query } from "../query.ts";
import {
  NetworkConnectBody,
  NetworkCreateBody,
  NetworkDisconnectBody,
  type NetworkConnectRequest,
  type NetworkDisconnectRequest,
} from "../schema/network-bodies.ts";
import { networkInspect, networkSummary } from "../view/network.ts";

const LIST_FILTERS = ["dangling", "driver", "id", "label", "name", "scope", "type"];
const PRUNE_FILTERS = ["label", "label!", "until"];

export function networkRoutes(app: ApiApp, context: ApiContext): void {
  const { networks } = context.engine;
  const list = (url: string) => listed(context, new Query(url)).map(networkSummary);
  app.get("/networks", (request) => list(request.url));
  app.get("/networks/", (request) => list(request.url));
  app.get<ById>("/networks/:id", (request) => inspected(context, request.params.id, new Query(request.url)));
  app.post("/networks/create", { schema: { body: NetworkCreateBody } }, async (request, reply) => {
    const network = await networks.createNetwork(networkSpec(request.body, request.apiMinor));
    return reply.code(201).send({ Id: network.id, Warning: "" });
  });
  app.delete<ById>("/networks/:id", async (request, reply) => {
    await networks.removeNetwork(request.params.id);
    return reply.code(204).send();
  });
  membershipRoutes(app, context);
  pruneRoute(app, context);
}

function membershipRoutes(app: ApiApp, context: ApiContext): void {
  const { containers } = context.engine;
  app.post<ById & { Body: NetworkConnectRequest }>(
    "/networks/:id/connect",
    { schema: { body: NetworkConnectBody } },
    async (request, reply) => {
      const { Container = "", EndpointConfig = {} } = request.body;
      const { MacAddress: _sinceApi154, ...endpoint } = EndpointConfig;
      await containers.connect(Container, request.params.id, endpointSettings(endpoint, request.apiMinor));
      return reply.send();
    },
  );
  app.post<ById & { Body: NetworkDisconnectRequest }>(
    "/networks/:id/disconnect",
    { schema: { body: NetworkDisconnectBody } },
    async (request, reply) => {
      const { Container = "", Force = false } = request.body;
      await disconnect(context, { network: request.params.id, container: Container, force: Force });
      return reply.send();
    },
  );
}

interface Disconnection {
  readonly network: string;
  readonly container: string;
  readonly force: boolean;
}

/** By force, the endpoint of a container that is no more goes too, found by its name. */
async function disconnect({ engine }: ApiContext, asked: Disconnection): Promise<void> {
  try {
    await engine.containers.disconnect(asked.container, asked.network, asked.force);
  } catch (error) {
    const gone = error instanceof EngineError && error.code === "not-found" && asked.force;
    if (!gone || !(await removeStray(engine.networks, asked))) throw error;
  }
}

/** On this host, or on one that is gone. False: there is none of that name. */
async function removeStray(networks: NetworkController, asked: Disconnection): Promise<boolean> {
  const network = networks.findNetwork(asked.network);
  const endpoint = networks.endpoints(network.id).find(({ name }) => name === asked.container);
  if (endpoint !== undefined) {
    await networks.disconnect(endpoint.id);
    return true;
  }
  try {
    await networks.evictPeer(network.id, asked.container);
    return true;
  } catch (error) {
    if (error instanceof EngineError && error.code === "not-found") return false;
    throw error;
  }
}

function listed({ engine }: ApiContext, query: Query): readonly NetworkIntent[] {
  const filters = Filters.parse(query.text("filters"), LIST_FILTERS);
  const dangling = filters.boolean("dangling");
  const types = filters.values("type");
  const badType = types.find((type) => type !== "builtin" && type !== "custom");
  if (badType !== undefined) throw new EngineError("internal", `invalid filter: 'type'='${badType}'`);
  return engine.networks.networks().filter((network) => {
    if (dangling !== undefined && dangling !== (!network.predefined && !isBusy(engine.networks, network))) return false;
    if (types.length > 0 && !types.includes(network.predefined ? "builtin" : "custom")) return false;
    return (
      filters.exact("driver", network.driver) &&
      filters.exact("scope", network.scope) &&
      filters.pattern("name", network.name) &&
      filters.pattern("id", network.id) &&
      filters.labels("label", network.labels)
    );
  });
}

/** Here or on another host. */
function isBusy(networks: NetworkController, { id }: NetworkIntent): boolean {
  return networks.endpoints(id).length > 0 || networks.peers(id).length > 0;
}

function inspected({ engine, settings }: ApiContext, reference: string, query: Query) {
  const verbose = query.text("verbose");
  if (!/^(|1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(verbose)) {
    const why = `strconv.ParseBool: parsing ${JSON.stringify(verbose)}: invalid syntax`;
    throw new EngineError("invalid-argument", `invalid value for verbose: ${verbose}: ${why}`);
  }
  const network = engine.networks.findNetwork(reference);
  const scope = query.text("scope");
  if (scope !== "" && scope !== network.scope) throw new EngineError("not-found", `network ${reference} not found`);
  const source = { networks: engine.networks, cluster: settings.cluster, verbose: /^[1tT]/.test(verbose) };
  return networkInspect(network, source);
}

function pruneRoute(app: ApiApp, context: ApiContext): void {
  let running = false;
  app.post("/networks/prune", async (request) => {
    const filters = Filters.parse(new Query(request.url).text("filters"), PRUNE_FILTERS);
    if (running) throw new EngineError("conflict", "a prune operation is already running");
    running = true;
    try {
      const names = await prune(context, filters);
      emitPrune(context, "network");
      return { NetworksDeleted: names.length === 0 ? null : names };
    } finally {
      running = false;
    }
  });
}

async function prune({ engine, clock, log }: ApiContext, filters: Filters): Promise<readonly string[]> {
  if (filters.values("until").length > 1)
    throw new EngineError("invalid-argument", "more than one until filter specified");
  const until = filters.single("until");
  const before = until === undefined ? undefined : parseUntil(until, clock.nowNs());
  const names: string[] = [];
  for (const network of engine.networks.networks()) {
    if (network.predefined || network.configOnly || isBusy(engine.networks, network)) continue;
    if (before !== undefined && network.createdNs > before) continue;
    if (!filters.labels("label", network.labels) || !filters.withoutLabels("label!", network.labels)) continue;
    try {
      await engine.networks.removeNetwork(network.id);
      names.push(network.name);
    } catch (error) {
      log.warn({ error, network: network.name }, "prune: network stays");
    }
  }
  return names;
}
