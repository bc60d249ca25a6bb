/** `causeway image import`, `ls`, `rm`, `inspect` and `tag`. */
import { createReadStream } from "node:fs";
import { text as readText } from "node:stream/consumers";
import { ApiError } from "../client/api-client.ts";
import { asList, asNumber, asObject, asText, type JsonObject } from "../client/json-access.ts";
import { parseJson, type ApiJson } from "../client/json-text.ts";
import { printError, printLine } from "../context.ts";
import { CliFailure } from "../failure.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import { checkFilter, encodeFilters } from "../flags/filters.ts";
import { list, text, toggle } from "../flags/option-spec.ts";
import { formatLocalSeconds } from "../format/go-time.ts";
import { humanDuration, humanSize, truncateId } from "../format/human.ts";
import { inspectAll } from "../format/inspect-output.ts";
import { renderList, type ListStyle } from "../format/list-format.ts";
import { GoRow } from "../template/go-value.ts";
import { splitReference } from "./reference.ts";

/** The path of an image in the API; slashes of its name stay. */
function imagePath(name: string, action = ""): string {
  return `/images/${name.split("/").map(encodeURIComponent).join("/")}${action}`;
}

export const imageImport: CommandSpec = {
  name: "import",
  usage: "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
  summary: "Import the contents from a tarball to create a filesystem image",
  arguments: [1, Infinity],
  options: [
    list("change,c", "Apply Dockerfile instruction to the created image"),
    text("message,m", "Set commit message for imported image"),
    text("platform", "Set platform if server is multi-platform capable"),
  ],
  examples: ["causeway image import --change 'CMD [\"sh\"]' busybox.tar busybox"],
  run: async (context, [source = "", reference = ""], flags) => {
    const isUrl = /^https?:\/\//.test(source);
    const { repository, tag } = splitReference(reference);
    const changes = flags.list("change");
    const query = { fromSrc: isUrl ? source : "-", repo: repository, tag, message: flags.text("message"), changes };
    const upload = isUrl ? undefined : source === "-" ? context.stdin : createReadStream(source);
    const call = upload === undefined ? { query } : { query, upload };
    const answer = await context.api.stream("POST", "/images/create", call);
    for (const line of (await readText(answer)).split("\n").filter((part) => part.trim() !== "")) {
      const message = asObject(parseJson(line));
      if (message["error"] !== undefined) throw new CliFailure(asText(message["error"]));
      printLine(context, asText(message["status"]));
    }
  },
};

const STYLE: ListStyle = {
  headers: {
    Containers: "CONTAINERS",
    CreatedAt: "CREATED AT",
    CreatedSince: "CREATED",
    Digest: "DIGEST",
    ID: "IMAGE ID",
    Repository: "REPOSITORY",
    SharedSize: "SHARED SIZE",
    Size: "SIZE",
    Tag: "TAG",
    UniqueSize: "UNIQUE SIZE",
    VirtualSize: "SIZE",
  },
  table: "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}\t{{.Size}}",
  quiet: "{{.ID}}",
  raw: {
    full: "repository: {{ .Repository }}\ntag: {{.Tag}}\nimage_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n",
    quiet: "image_id: {{.ID}}",
  },
};

export const imageList: CommandSpec = {
  name: "ls",
  aliases: ["list"],
  usage: "[OPTIONS] [REPOSITORY[:TAG]]",
  summary: "List images",
  arguments: [0, 1],
  options: [
    toggle("all,a", "Show all images (default hides intermediate images)"),
    toggle("digests", "Show digests"),
    list("filter,f", "Filter output based on conditions provided", { value: "filter", check: checkFilter }),
    text("format", "Format output: table, table TEMPLATE, json, raw or a Go template"),
    toggle("no-trunc", "Don't truncate output"),
    toggle("quiet,q", "Only show image IDs"),
  ],
  examples: ["causeway image ls", "causeway image ls --format '{{.Repository}}:{{.Tag}} {{.Size}}'"],
  run: async ({ api, stdout }, [reference], flags) => {
    const wanted = reference === undefined ? [] : [`reference=${reference}`];
    const query = { all: flags.isOn("all"), filters: encodeFilters([...flags.list("filter"), ...wanted]) };
    const images = asList(await api.json("GET", "/images/json", { query })).map(asObject);
    images.sort((a, b) => asNumber(b["Created"]) - asNumber(a["Created"]));
    const rows = images.flatMap((image) => imageRows(image, !flags.isOn("no-trunc")));
    const style = flags.isOn("digests")
      ? { ...STYLE, table: STYLE.table.replace("{{.ID}}", "{{.Digest}}\t{{.ID}}") }
      : STYLE;
    stdout.write(renderList(rows, style, { format: flags.text("format") ?? "", quiet: flags.isOn("quiet") }));
  },
};

/** A row per name. */
function imageRows(image: JsonObject, truncate: boolean): GoRow[] {
  const tags = asList(image["RepoTags"])
    .map(asText)
    .filter((tag) => tag !== "<none>:<none>");
  const named = tags.length === 0 ? [{ repository: "<none>", tag: "<none>" }] : tags.map(splitReference);
  const id = asText(image["Id"]);
  const created = asNumber(image["Created"]);
  const size = humanSize(asNumber(image["Size"]));
  return named.map(({ repository, tag }) => {
    const fields = {
      Containers: counted(image["Containers"], String),
      CreatedAt: formatLocalSeconds(created),
      CreatedSince: `${humanDuration(Math.floor(Date.now() / 1000) - created)} ago`,
      Digest: digestOf(image, repository),
      ID: truncate ? truncateId(id) : id,
      Repository: repository,
      SharedSize: counted(image["SharedSize"], (size) => humanSize(size)),
      Size: size,
      Tag: tag,
      UniqueSize: counted(image["SharedSize"], (shared) => humanSize(asNumber(image["Size"]) - shared)),
      VirtualSize: humanSize(asNumber(image["Size"]), 4),
    };
    return new GoRow("*formatter.imageContext", fields);
  });
}

/** What the daemon did not count is -1. */
function counted(json: ApiJson | undefined, show: (count: number) => string): string {
  return asNumber(json) === -1 ? "N/A" : show(asNumber(json));
}

function digestOf(image: JsonObject, repository: string): string {
  const digests = asList(image["RepoDigests"]).map(asText);
  return digests.find((digest) => digest.startsWith(`${repository}@`))?.slice(repository.length + 1) ?? "<none>";
}

export const imageRemove: CommandSpec = {
  name: "rm",
  aliases: ["remove"],
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Remove one or more images",
  arguments: [1, Infinity],
  options: [toggle("force,f", "Force removal of the image"), toggle("no-prune", "Do not delete untagged parents")],
  examples: ["causeway image rm busybox"],
  run: async (context, names, flags) => {
    const query = { force: flags.isOn("force"), noprune: flags.isOn("no-prune") };
    const errors: CliFailure[] = [];
    for (const name of names) {
      try {
        const removed = asList(await context.api.json("DELETE", imagePath(name), { query })).map(asObject);
        for (const entry of removed) {
          if (entry["Deleted"] !== undefined) printLine(context, `Deleted: ${asText(entry["Deleted"])}`);
          else printLine(context, `Untagged: ${asText(entry["Untagged"])}`);
        }
      } catch (error) {
        if (!(error instanceof CliFailure)) throw error;
        errors.push(error);
      }
    }
    if (errors.length === 0) return;
    printError(context, errors.map(({ message }) => message).join("\n"));
    // what is not there needs no force
    const harmless = (error: CliFailure): boolean => error instanceof ApiError && error.status === 404;
    if (!flags.isOn("force") || !errors.every(harmless)) throw new CliFailure("");
  },
};

export const imageInspect: CommandSpec = {
  name: "inspect",
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Display detailed information on one or more images",
  arguments: [1, Infinity],
  options: [text("format,f", "Format output: json or a Go template")],
  examples: ["causeway image inspect -f '{{json .Config.Cmd}}' busybox"],
  run: async (context, names, flags) =>
    inspectAll(context, names, flags.text("format") ?? "", async (name) => ({
      text: await readText(await context.api.stream("GET", imagePath(name, "/json"))),
    })),
};

export const imageTag: CommandSpec = {
  name: "tag",
  usage: "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
  summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
  arguments: [2, 2],
  options: [],
  examples: ["causeway tag busybox busybox:lab"],
  run: async ({ api }, [source = "", target = ""]) => {
    const { repository, tag } = splitReference(target);
    await api.json("POST", imagePath(source, "/tag"), { query: { repo: repository, tag } });
  },
};
