/** `/_ping`, `/version`, `/info`, `/system/df` (Docker API v1.51). */
import type { ApiApp } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { Query } from "../query.ts";
import { containerSummary } from "../view/container-summary.ts";
import { imageSummary } from "../view/image.ts";
import { infoView, versionView } from "../view/info.ts";

export function systemRoutes(app: ApiApp, context: ApiContext): void {
  const { engine, settings } = context;
  app.get("/_ping", (_request, reply) =>
    reply
      .headers({ "Builder-Version": "1", Swarm: "inactive" })
      .headers({ "Cache-Control": "no-cache, no-store, must-revalidate", Pragma: "no-cache" })
      .type("text/plain; charset=utf-8")
      .send("OK"),
  );
  app.get("/version", async () => versionView(settings, await engine.info()));
  app.get("/info", async () => infoView(context, await engine.info()));
  app.get("/system/df", (request) => diskUsage(context, new Query(request.url), request.apiMinor));
}

/** `type` (repeatable, from API 1.42) chooses what is counted. */
async function diskUsage({ engine, clock }: ApiContext, query: Query, minor: number) {
  const types = query.all("type");
  const wants = (type: string): boolean => types.length === 0 || types.includes(type);
  const containers = wants("container") ? engine.containers.list() : [];
  const images = wants("image") ? await engine.images.list() : [];
  const counts = Map.groupBy(engine.containers.list(), (container) => container.imageId);
  const nowNs = clock.nowNs();
  const listed = containers.map((container) => ({
    container,
    sandbox: engine.containers.sandbox(container.id),
    networks: engine.networks,
    minor,
    nowNs,
  }));
  return {
    LayersSize: images.reduce((sum, image) => sum + image.size, 0),
    Images: wants("image") ? images.map((image) => imageSummary(image, counts.get(image.id)?.length ?? 0)) : null,
    Containers: wants("container") ? listed.map(containerSummary) : null,
    Volumes: wants("volume") ? [] : null,
    BuildCache: wants("build-cache") ? [] : null,
    BuilderSize: 0,
  };
}
