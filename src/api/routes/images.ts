/** `/images*` (Docker API v1.51): import, list, inspect, tag, remove, prune. Registries are not spoken to. */
import { EngineError } from "../../base/errors.ts";
import type { Image } from "../../engine/image.ts";
import type { ApiApp, ByRest } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";
import { Filters, parseUntil } from "../filters.ts";
import { parseChanges } from "../image-changes.ts";
import { familiarName } from "../../engine/images/reference.ts";
import { imageReference } from "../image-reference.ts";
import { emitPrune } from "../prune-event.ts";
import { Query } from "../query.ts";
import { imageHistory, imageInspect, imageSummary } from "../view/image.ts";

const LIST_FILTERS = ["before", "dangling", "label", "reference", "since", "until"];
const PRUNE_FILTERS = ["dangling", "label", "label!", "until"];

export function imageRoutes(app: ApiApp, context: ApiContext): void {
  const { images } = context.engine;
  app.get("/images/json", (request) => listed(context, new Query(request.url)));
  app.get("/images/search", () => refuse("searching a registry"));
  app.post("/images/load", { config: { body: "stream" } }, () => refuse("loading saved images"));
  app.post("/images/prune", (request) => prune(context, new Query(request.url)));
  importRoute(app, context);
  app.get<ByRest>("/images/*", async (request) => {
    const { name, verb } = splitVerb(request.params["*"]);
    if (verb === "json") return imageInspect(await images.find(name));
    if (verb === "history") return imageHistory(await images.find(name));
    return verb === "get" ? refuse("saving images") : notFound();
  });
  app.post<ByRest>("/images/*", async (request, reply) => {
    const { name, verb } = splitVerb(request.params["*"]);
    if (verb === "push") return refuse("pushing to a registry");
    if (verb !== "tag") return notFound();
    const query = new Query(request.url);
    await images.tag(name, imageReference(query.text("repo"), query.text("tag")));
    return reply.code(201).send();
  });
  app.delete<ByRest>("/images/*", async (request) => {
    const force = new Query(request.url).flag("force");
    const removed = await images.remove(request.params["*"], { force });
    return removed.map(({ untagged, deleted }) =>
      untagged === undefined ? { Deleted: deleted } : { Untagged: untagged },
    );
  });
}

/** `library/busybox/json`: names have slashes, the verb comes last. */
function splitVerb(rest: string): { readonly name: string; readonly verb: string } {
  const slash = rest.lastIndexOf("/");
  return { name: rest.slice(0, Math.max(0, slash)), verb: rest.slice(slash + 1) };
}

function refuse(what: string): never {
  throw new EngineError("not-implemented", `${what} is not implemented yet`);
}

function notFound(): never {
  throw new EngineError("not-found", "page not found");
}

/** The body is the tar; the answer tells the new id as a line of progress, and failure is a status as long as it can be. */
function importRoute(app: ApiApp, { engine }: ApiContext): void {
  app.post("/images/create", { config: { body: "stream" } }, async (request, reply) => {
    const query = new Query(request.url);
    const source = query.text("fromSrc");
    if (source === "") return refusePull(query);
    if (source !== "-") return refuse(`importing from a URL (${source})`);
    const repository = query.text("repo");
    const image = await engine.images.import(request.raw, {
      config: parseChanges(query.all("changes")),
      comment: query.text("message") || "Imported from -",
      ...(repository === "" ? {} : { reference: imageReference(repository, query.text("tag")) }),
    });
    return reply.type("application/json").send(`${JSON.stringify({ status: image.id })}\r\n`);
  });
}

function refusePull(query: Query): never {
  const name = familiarName(query.text("fromImage"));
  if (name === "") throw new EngineError("invalid-argument", "invalid reference format");
  const mend = "make the image here with `docker import ROOTFS.tar NAME`";
  throw new EngineError("not-implemented", `pulling ${name} from a registry is not implemented yet; ${mend}`);
}

async function listed({ engine, clock }: ApiContext, query: Query) {
  const filters = Filters.parse(query.text("filters"), LIST_FILTERS);
  const nowNs = clock.nowNs();
  const age = async (key: string): Promise<bigint | undefined> => {
    const reference = filters.single(key);
    return reference === undefined ? undefined : (await engine.images.find(reference)).createdNs;
  };
  const limits = { before: await age("before"), since: await age("since"), until: untilOf(filters, nowNs) };
  const images = await engine.images.list();
  const counts = Map.groupBy(engine.containers.list(), (container) => container.imageId);
  return images
    .map((image) => withNamesAsked(filters, image))
    .filter((image) => selects(filters, image) && inAge(image, limits))
    .sort((a, b) => (a.createdNs < b.createdNs ? 1 : -1))
    .map((image) => imageSummary(image, counts.get(image.id)?.length ?? 0));
}

function untilOf(filters: Filters, nowNs: bigint): bigint | undefined {
  const until = filters.single("until");
  return until === undefined ? undefined : parseUntil(until, nowNs);
}

function selects(filters: Filters, image: Image): boolean {
  const dangling = filters.boolean("dangling");
  if (dangling !== undefined && dangling !== (image.references.length === 0)) return false;
  return (
    filters.labels("label", image.config.labels ?? {}) && (image.references.length > 0 || !filters.has("reference"))
  );
}

/** Only the names that a `reference` filter asks for. */
function withNamesAsked(filters: Filters, image: Image): Image {
  const patterns = filters.values("reference");
  if (patterns.length === 0) return image;
  const references = image.references.filter((name) => patterns.some((pattern) => globMatches(pattern, name)));
  return { ...image, references };
}

interface AgeLimits {
  readonly before: bigint | undefined;
  readonly since: bigint | undefined;
  readonly until: bigint | undefined;
}

function inAge({ createdNs }: Image, { before, since, until }: AgeLimits): boolean {
  return (
    (before === undefined || createdNs < before) &&
    (since === undefined || createdNs > since) &&
    (until === undefined || createdNs <= until)
  );
}

/** `busy*` or `busy*:latest`: a star stands for anything but a slash; without tag any tag will do. */
function globMatches(pattern: string, name: string): boolean {
  const parts = pattern
    .slice(0, 256)
    .split(/\*+/)
    .map((part) => part.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("?", "[^/]"));
  const withTag = /:[^/]*$/.test(pattern) ? "" : "(:[^/]*)?";
  return new RegExp(`^${parts.join("[^/]*")}${withTag}$`).test(name.slice(0, 256));
}

/** Dangling images; with `dangling=false` every image that no container uses. */
async function prune(context: ApiContext, query: Query) {
  const { engine, clock } = context;
  const filters = Filters.parse(query.text("filters"), PRUNE_FILTERS);
  const until = untilOf(filters, clock.nowNs());
  const before = await engine.images.list();
  const deleted: string[] = [];
  if (filters.boolean("dangling") !== false) deleted.push(...(await engine.images.prune()));
  else {
    const used = new Set(engine.containers.list().map((container) => container.imageId));
    for (const image of before.filter(({ id }) => !used.has(id))) {
      const labels = image.config.labels ?? {};
      const stays = !filters.labels("label", labels) || !filters.withoutLabels("label!", labels);
      if (stays || !inAge(image, { before: undefined, since: undefined, until })) continue;
      await engine.images.remove(image.id, { force: true });
      deleted.push(image.id);
    }
  }
  const size = before.filter(({ id }) => deleted.includes(id)).reduce((sum, image) => sum + image.size, 0);
  emitPrune(context, "image", size);
  return { ImagesDeleted: deleted.length === 0 ? null : deleted.map((id) => ({ Deleted: id })), SpaceReclaimed: size };
}
