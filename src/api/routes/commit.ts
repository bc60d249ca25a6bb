/** `POST /commit` (Docker API v1.51): a container becomes an image; `changes` are as those of an import. */
import type { ImageConfig } from "../../engine/image.ts";
import type { ApiApp } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { applyChanges } from "../image-changes.ts";
import { imageReference } from "../image-reference.ts";
import { Query } from "../query.ts";
import { CommitBody, type CommitRequest } from "../schema/container-bodies.ts";

export function commitRoute(app: ApiApp, { engine }: ApiContext): void {
  app.post<{ Body: CommitRequest }>("/commit", { schema: { body: CommitBody } }, async (request, reply) => {
    const query = new Query(request.url);
    const repository = query.text("repo");
    const { body } = request;
    const image = await engine.containers.commit(query.text("container"), {
      ...(repository === "" ? {} : { reference: imageReference(repository, query.text("tag")) }),
      comment: query.text("comment"),
      author: query.text("author"),
      pause: query.flag("pause", true),
      change: (config) => applyChanges({ ...config, ...givenConfig(body) }, query.all("changes")),
    });
    return reply.code(201).send({ Id: image.id });
  });
}

/** What the client's own config says; what it leaves out is the container's. */
function givenConfig(body: CommitRequest): ImageConfig {
  const { Cmd = [], Entrypoint = [], Env = [], ExposedPorts = [], Labels, OnBuild = [], Volumes = [] } = body;
  const { User = "", WorkingDir = "", StopSignal = "" } = body;
  return {
    ...(Cmd.length === 0 ? {} : { command: Cmd }),
    ...(Entrypoint.length === 0 ? {} : { entrypoint: Entrypoint }),
    ...(Env.length === 0 ? {} : { environment: Env }),
    ...(ExposedPorts.length === 0 ? {} : { exposedPorts: ExposedPorts }),
    ...(Labels === undefined ? {} : { labels: Labels }),
    ...(OnBuild.length === 0 ? {} : { onBuild: OnBuild }),
    ...(Volumes.length === 0 ? {} : { volumes: Volumes }),
    ...(User === "" ? {} : { user: User }),
    ...(WorkingDir === "" ? {} : { workingDirectory: WorkingDir }),
    ...(StopSignal === "" ? {} : { stopSignal: StopSignal }),
  };
}
