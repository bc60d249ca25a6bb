/** `causeway container inspect`. */
import { text as readText } from "node:stream/consumers";
import type { CommandSpec } from "../flags/command-spec.ts";
import { text, toggle } from "../flags/option-spec.ts";
import { inspectAll } from "../format/inspect-output.ts";
import { containerPath } from "./watch.ts";

export const containerInspect: CommandSpec = {
  name: "inspect",
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Display detailed information on one or more containers",
  arguments: [1, Infinity],
  options: [text("format,f", "Format output: json or a Go template"), toggle("size,s", "Display total file sizes")],
  examples: ["causeway container inspect -f '{{.State.Status}}' c1"],
  run: async (context, names, flags) => {
    const query = { size: flags.isOn("size") ? 1 : undefined };
    await inspectAll(context, names, flags.text("format") ?? "", async (name) => ({
      text: await readText(await context.api.stream("GET", containerPath(name, "/json"), { query })),
    }));
  },
};
