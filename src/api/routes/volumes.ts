/** `/volumes*` (Docker API v1.51): there are none, so that lists and prunes of the docker CLI behave. */
import { EngineError } from "../../base/errors.ts";
import type { ApiApp, ById } from "../api-app.ts";
import { Query } from "../query.ts";

export function volumeRoutes(app: ApiApp): void {
  app.get("/volumes", () => ({ Volumes: [], Warnings: null }));
  app.post("/volumes/prune", () => ({ VolumesDeleted: [], SpaceReclaimed: 0 }));
  app.post("/volumes/create", () => {
    throw new EngineError("not-implemented", "volumes are not implemented yet");
  });
  app.get<ById>("/volumes/:id", (request) => noSuchVolume(request.params.id));
  app.delete<ById>("/volumes/:id", (request, reply) => {
    if (!new Query(request.url).flag("force")) noSuchVolume(request.params.id);
    return reply.code(204).send();
  });
}

function noSuchVolume(name: string): never {
  throw new EngineError("not-found", `get ${name}: no such volume`);
}
