/**
 * Image references as Docker reads them (distribution/reference): `[domain/]path[:tag][@digest]`. People see the familiar
 * form (`busybox:latest`), containerd stores the full one (`docker.io/library/busybox:latest`).
 */
import { EngineError } from "../../base/errors.ts";

export interface Reference {
  /** `docker.io` unless given. */
  readonly domain: string;
  /** `library/busybox` */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: string;
}

const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^sha256:[a-f0-9]{64}$/;
const DOMAIN =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.[a-zA-Z0-9-]+)*|\[[0-9a-fA-F:]+\])(?::\d+)?$/;
const MAX_NAME = 255;

/** Parses what a user typed. Throws `invalid-argument` "invalid reference format" as Docker does. */
export function parseReference(text: string): Reference {
  const [named, digest] = splitOnce(text, "@");
  const slash = named.lastIndexOf("/");
  const colon = named.indexOf(":", slash + 1);
  const name = colon === -1 ? named : named.slice(0, colon);
  const tag = colon === -1 ? undefined : named.slice(colon + 1);
  const { domain, path } = splitDomain(name);
  if (path.toLowerCase() !== path) {
    throw new EngineError("invalid-argument", `invalid reference format: repository name (${path}) must be lowercase`);
  }
  const valid =
    DOMAIN.test(domain) &&
    PATH.test(path) &&
    `${domain}/${path}`.length <= MAX_NAME &&
    (tag === undefined || TAG.test(tag)) &&
    (digest === undefined || DIGEST.test(digest));
  if (!valid) throw new EngineError("invalid-argument", "invalid reference format");
  return { domain, path, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** Like {@link parseReference}; undefined instead of an error. */
export function tryParseReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

function splitOnce(text: string, separator: string): [string, string?] {
  const at = text.indexOf(separator);
  return at === -1 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** A first part with a dot, a colon or an upper-case letter, or `localhost`, is a registry; everything else is Docker Hub. */
function splitDomain(name: string): { domain: string; path: string } {
  const slash = name.indexOf("/");
  const first = name.slice(0, slash);
  const isDomain = slash !== -1 && (/[.:]/.test(first) || first === "localhost" || first.toLowerCase() !== first);
  const domain = isDomain ? first : "docker.io";
  const path = isDomain ? name.slice(slash + 1) : name;
  if (domain !== "docker.io" && domain !== "index.docker.io") return { domain, path };
  return { domain: "docker.io", path: path.includes("/") ? path : `library/${path}` };
}

/** The name containerd knows: `docker.io/library/busybox:latest`; the tag is `latest` unless there is a tag or digest. */
export function fullName(reference: Reference): string {
  const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
  const tag = reference.tag ?? (digest === "" ? "latest" : undefined);
  return `${reference.domain}/${reference.path}${tag === undefined ? "" : `:${tag}`}${digest}`;
}

/** The form people see: without `docker.io/` and `library/`. */
export function familiarName(name: string): string {
  return name.replace(/^docker\.io\/(library\/(?!.*\/))?/, "");
}
