/**
 * Gives each rule to the paragraph that explains it. Throws with everything that does not fit: rules without a paragraph,
 * rules that two paragraphs claim, patterns that match nothing.
 */
import { without, type Statement } from "./ruleset.ts";
import type { Paragraph } from "./scenario.ts";

export interface Explained {
  readonly heading: string;
  readonly text: string;
  readonly added: readonly Statement[];
  readonly gone: readonly Statement[];
}

interface Claim {
  readonly paragraph: Paragraph;
  readonly pattern: string;
}

export function explain(
  paragraphs: readonly Paragraph[],
  base: readonly Statement[],
  found: readonly Statement[],
): readonly Explained[] {
  const added = without(found, base);
  const gone = without(base, found);
  const complaints = [
    ...complaintsAbout(
      "",
      added,
      claimsOf(paragraphs, ({ claims }) => claims),
    ),
    ...complaintsAbout(
      "gone: ",
      gone,
      claimsOf(paragraphs, ({ replaces }) => replaces ?? []),
    ),
  ];
  if (complaints.length > 0) throw new Error(complaints.join("\n"));
  return paragraphs.map(({ heading, text, claims, replaces = [] }) => ({
    heading,
    text,
    added: added.filter((one) => claims.some((pattern) => matches(pattern, one))),
    gone: gone.filter((one) => replaces.some((pattern) => matches(pattern, one))),
  }));
}

function claimsOf(
  paragraphs: readonly Paragraph[],
  patterns: (paragraph: Paragraph) => readonly string[],
): readonly Claim[] {
  return paragraphs.flatMap((paragraph) => patterns(paragraph).map((pattern) => ({ paragraph, pattern })));
}

function complaintsAbout(what: string, statements: readonly Statement[], claims: readonly Claim[]): readonly string[] {
  const idle = claims.filter(({ pattern }) => !statements.some((one) => matches(pattern, one)));
  return [
    ...statements.flatMap((one) => {
      const headings = new Set(claims.filter(({ pattern }) => matches(pattern, one)).map((claim) => claim.paragraph));
      if (headings.size === 1) return [];
      const by = [...headings].map(({ heading }) => heading).join(" and by ");
      const rule = `${what}${subject(one)} (${one.tool})`;
      return [headings.size === 0 ? `no paragraph explains: ${rule}` : `explained twice, by ${by}: ${rule}`];
    }),
    ...idle.map(({ paragraph, pattern }) => `no rule for the paragraph "${paragraph.heading}": ${what}${pattern}`),
  ];
}

function subject({ place, match }: Statement): string {
  return place === "container" ? `container ${match}` : match;
}

/** `*` stands for any text; everything else for itself. */
export function matches(pattern: string, statement: Statement): boolean {
  const source = pattern
    .split("*")
    .map((part) => part.replaceAll(/[.*+?^${}()|[\]\\/-]/g, "\\$&"))
    .join(".*");
  return new RegExp(`^${source}$`).test(subject(statement));
}
