/**
 * Which of a repair's steps may be carried out. What carries our mark and nobody intends is removed; what belongs to a record
 * that could not be read, or to a change that is underway, is left alone. Marks name their owner: `causeway:<id>`.
 */
import { basename } from "node:path";
import { networkNamespaceName } from "../drivers/overlay/overlay-driver.ts";
import { MARK } from "../kernel/facts.ts";
import type { Step } from "../kernel/step.ts";

/** The id in a link's mark; undefined when it carries none of ours. */
export function markedId(alias: string | undefined): string | undefined {
  return alias?.startsWith(MARK) === true ? alias.slice(MARK.length) : undefined;
}

/** Drops the removals of what is spoken for. */
export function withoutSpokenFor(steps: readonly Step[], isSpokenFor: (id: string) => boolean): readonly Step[] {
  return steps.filter(({ action, fact }) => {
    const id = action === "remove" && fact.kind === "link" ? markedId(fact.alias) : undefined;
    return id === undefined || !isSpokenFor(id);
  });
}

/** Names under the namespace directory that belong to nobody: they are sandbox ids' first 12 digits, or networks'. */
export function strayNamespaces(
  names: readonly string[],
  ownedPaths: Iterable<string>,
  unreadIds: Iterable<string>,
): readonly string[] {
  const owned = new Set([...ownedPaths].map((path) => basename(path)));
  for (const id of unreadIds) owned.add(id.slice(0, 12)).add(networkNamespaceName(id));
  return names.filter((name) => !owned.has(name));
}
