/** Image names: `registry:5000/name:tag` into repository and tag. */

/** The tag is what follows the last colon, unless a slash does; empty when there is none. */
export function splitReference(reference: string): { readonly repository: string; readonly tag: string } {
  const colon = reference.lastIndexOf(":");
  if (colon < 0 || reference.includes("/", colon)) return { repository: reference, tag: "" };
  return { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}
