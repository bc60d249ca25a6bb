/**
 * What a page of docs/rules is made from: commands that are really typed into the docker CLI, and paragraphs that say why the
 * rules which came of them are there. A rule that no paragraph claims, one that two claim, and a paragraph that claims nothing
 * are errors, so that the pages can neither leave a rule out nor explain one that is gone.
 */

export type Backend = "iptables" | "nftables";

export const BACKENDS: readonly Backend[] = ["iptables", "nftables"];

/** Scenarios that are played one after the other on one daemon, each taken back before the next. */
export interface Stage {
  readonly name: string;
  /** Flags of causewayd. */
  readonly flags: readonly string[];
  /** Run by sh before the daemon starts: what the user made. */
  readonly before?: string;
  readonly scenarios: readonly Scenario[];
}

export interface Scenario {
  /** Name of its page. */
  readonly name: string;
  readonly title: string;
  /** The page's first paragraph. */
  readonly about: string;
  /** As typed after `docker `; words are separated by one space. `IMAGE` stands for the image. */
  readonly commands: readonly string[];
  /** Undo of the commands, typed likewise. */
  readonly undo: readonly string[];
  /** The page that this one is compared with: only what differs from it is explained here. */
  readonly base?: string;
  /** Containers whose own rules are shown, too. */
  readonly containers?: readonly string[];
  readonly paragraphs: Readonly<Record<Backend, readonly Paragraph[]>>;
}

export interface Paragraph {
  readonly heading: string;
  readonly text: string;
  /**
   * Patterns of the rules that this explains, `TABLE CHAIN RULE` as iptables-save words them, where `*` stands for any text.
   * A chain of ours is `TABLE :CHAIN`, a chain's policy `TABLE :CHAIN DROP`. Rules inside a container have `container ` before.
   */
  readonly claims: readonly string[];
  /** Patterns of the base's rules that are gone here. */
  readonly replaces?: readonly string[];
}
