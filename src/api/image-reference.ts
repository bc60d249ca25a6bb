/** The `repo` and `tag` parameters of image routes as one name, in the form that people see (`busybox:latest`). */
import { familiarName, fullName, parseReference } from "../engine/images/reference.ts";

/** A tag of its own wins over the repository's; without any it is `latest`. Throws `invalid-argument`. */
export function imageReference(repository: string, tag: string): string {
  const { domain, path, tag: ownTag } = parseReference(repository);
  const chosen = tag || ownTag;
  return familiarName(fullName(parseReference(`${domain}/${path}${chosen === undefined ? "" : `:${chosen}`}`)));
}
