/** The first page of docs/rules: what the others are, and which there are. */
import { wrap } from "./render.ts";
import { BACKENDS, type Scenario } from "./scenario.ts";
import { STAGES } from "./stages.ts";

export function renderIndex(): string {
  const rows = STAGES.flatMap(({ scenarios }) => scenarios).map(row);
  return `${[
    "# The rules, one by one",
    "<!-- Made by `npm run docs:rules` from what the engine programs. Edit tools/rules-docs, not this. -->",
    wrap(
      `Each page shows the rules that the engine programs in one situation, and says why each of them is there. The pages are
      made by a program: it starts the daemon in namespaces of its own, types the commands of the page into the docker command (or ours),
      and takes the rules from \`iptables-save\`, \`ip6tables-save\` and \`nft list ruleset\`. A rule that no paragraph explains,
      or a paragraph whose rule is gone, is an error, and \`npm run check\` fails when a page is not what the engine does.`,
    ),
    wrap(
      `Two things are written differently than they were seen, because they are picked by chance: the names of networks' bridges
      (\`br-\` and twelve digits of the network's id) and the ports of a container's resolver. Tables without a rule and packet counters are left out, and tables and chains are sorted, since versions of the tools
      differ in that.`,
    ),
    [`| situation | ${BACKENDS.join(" | ")} |`, `|---|${BACKENDS.map(() => "---|").join("")}`, ...rows].join("\n"),
  ].join("\n\n")}\n`;
}

function row({ name, title }: Scenario): string {
  return `| ${title} | ${BACKENDS.map((backend) => `[${backend}](${backend}/${name}.md)`).join(" | ")} |`;
}
