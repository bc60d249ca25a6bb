/** A link between two containers that could not reach each other otherwise. */
import type { Paragraph, Scenario } from "../scenario.ts";

const IPTABLES: readonly Paragraph[] = [
  {
    heading: "web reaches port 5432 of db",
    text: `The port that db exposes is opened, for web alone. The second rule is the pair that links have had from the beginning, and
      that people look for; answers pass already as part of a known connection.`,
    claims: [
      "filter DOCKER -s 172.17.0.3/32 -d 172.17.0.2/32 -i docker0 -o docker0 -p tcp -m tcp --dport 5432 -j ACCEPT",
      "filter DOCKER -s 172.17.0.2/32 -d 172.17.0.3/32 -i docker0 -o docker0 -p tcp -m tcp --sport 5432 -j ACCEPT",
    ],
  },
  {
    heading: "Both addresses are guarded",
    text: `As every container's is: nobody outside addresses them directly.`,
    claims: ["raw PREROUTING -d 172.17.0.* ! -i docker0 -j DROP"],
  },
];

const NFTABLES: readonly Paragraph[] = [
  {
    heading: "web reaches port 5432 of db",
    text: `The port that db exposes is opened, for web alone, by one element. Answers pass by the rule before it.`,
    claims: ["causeway links 172.17.0.3 . 172.17.0.2 . tcp . 5432"],
  },
  {
    heading: "Both addresses are guarded",
    text: `As every container's is: nobody outside addresses them directly.`,
    claims: ["causeway guarded *", "causeway guard-passes *"],
  },
];

export const LINK: Scenario = {
  name: "link",
  title: "A link",
  about: `causewayd was started with \`--icc=false\`: containers do not reach each other, except where one is linked to another.`,
  commands: ["run -d --name db --expose 5432 IMAGE sleep 1000", "run -d --name web --link db:db IMAGE sleep 1000"],
  undo: ["rm -f web db"],
  base: "icc-off",
  paragraphs: { iptables: IPTABLES, nftables: NFTABLES },
};
