/** Names for images, `[host[:port]/]path[:tag]` (distribution reference grammar); without a tag it is `latest`. */
import { EngineError } from "../base/errors.ts";

const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const HOST = "(?:[a-zA-Z0-9][a-zA-Z0-9.-]*(?::[0-9]+)?/)?";
const REPOSITORY = new RegExp(`^${HOST}${COMPONENT}(?:/${COMPONENT})*$`);
const TAG = /^\w[\w.-]{0,127}$/;

/** Joins repository and tag; the repository may carry its own tag. Throws `invalid-argument`. */
export function imageReference(repository: string, tag: string): string {
  const colon = repository.lastIndexOf(":");
  const ownTag = colon > repository.lastIndexOf("/") ? repository.slice(colon + 1) : undefined;
  const name = ownTag === undefined ? repository : repository.slice(0, colon);
  if (name.length > 255 || !REPOSITORY.test(name)) throw invalidName(name);
  const chosen = tag || ownTag || "latest";
  if (!TAG.test(chosen)) throw new EngineError("invalid-argument", "invalid tag format");
  return `${familiarName(name)}:${chosen}`;
}

/** Docker Hub's own images without its name, as people write them and docker shows them. */
export function familiarName(name: string): string {
  return name.replace(/^(?:index\.)?docker\.io\//, "").replace(/^library\/(?=[^/]*$)/, "");
}

function invalidName(name: string): EngineError {
  const lower = /[A-Z]/.test(name) && REPOSITORY.test(name.toLowerCase());
  const why = lower ? `: repository name (${name}) must be lowercase` : "";
  return new EngineError("invalid-argument", `invalid reference format${why}`);
}
