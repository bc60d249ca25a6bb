/** What Docker's API has and this engine does not: each answers plainly, and swarm's parts as dockerd does without a swarm. */
import { EngineError } from "../../base/errors.ts";
import type { ApiApp } from "../api-app.ts";

const SWARM = ["/swarm", "/nodes", "/services", "/tasks", "/secrets", "/configs"];

const NOT_IMPLEMENTED: readonly (readonly [method: "GET" | "POST" | "PUT" | "HEAD", path: string, what: string])[] = [
  ["POST", "/build", "building images"],
  ["POST", "/session", "building images with BuildKit"],
  ["POST", "/grpc", "building images with BuildKit"],
  ["POST", "/auth", "logging in to a registry"],
  ["GET", "/distribution/*", "asking a registry about images"],
  ["POST", "/containers/:id/update", "updating containers"],
  ["GET", "/containers/:id/export", "exporting containers"],
  ["GET", "/containers/:id/changes", "listing a container's changed files"],
  ["GET", "/containers/:id/archive", "copying files out of containers"],
  ["HEAD", "/containers/:id/archive", "copying files out of containers"],
  ["PUT", "/containers/:id/archive", "copying files into containers"],
  ["GET", "/containers/:id/attach/ws", "attaching by websocket"],
];

export function refusedRoutes(app: ApiApp): void {
  for (const [method, url, what] of NOT_IMPLEMENTED) {
    app.route({
      method,
      url,
      config: { body: "stream" },
      exposeHeadRoute: false,
      handler() {
        throw new EngineError("not-implemented", `${what} is not implemented yet`);
      },
    });
  }
  for (const path of SWARM) {
    app.all(path, { config: { body: "stream" } }, refuseSwarm);
    app.all(`${path}/*`, { config: { body: "stream" } }, refuseSwarm);
  }
  app.get("/plugins", () => []);
  app.all("/plugins/*", { config: { body: "stream" } }, refusePlugin);
  app.post("/build/prune", () => ({ CachesDeleted: null, SpaceReclaimed: 0 }));
}

/** Plugins that the daemon itself would run; as none is ever installed, dockerd's answer to whoever names one is right. */
function refusePlugin(request: { readonly url: string }): never {
  const [, asked = ""] = /^\/plugins\/([^?]*)/.exec(request.url) ?? [];
  if (/^(?:privileges|pull|create)$/.test(asked)) {
    const instead = "start the plugin yourself: it is found by its socket or its specification file";
    throw new EngineError("not-implemented", `installing plugins is not implemented; ${instead}`);
  }
  const name = decodeName(asked.replace(/\/(?:json|enable|disable|upgrade|push|set)$/, ""));
  throw new EngineError("not-found", `plugin ${JSON.stringify(name)} not found`);
}

function decodeName(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function refuseSwarm(request: { readonly url: string }): never {
  if (request.url.startsWith("/swarm/leave")) throw new EngineError("unavailable", "This node is not part of a swarm");
  if (/^\/swarm\/(init|join)/.test(request.url))
    throw new EngineError("not-implemented", "swarm mode is not implemented");
  const mend = 'Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
  throw new EngineError("unavailable", `This node is not a swarm manager. ${mend}`);
}
