/** `causeway inspect`: whatever bears the name, a container first, then a network, an image or a volume. */
import { text as readText } from "node:stream/consumers";
import { ApiError } from "../client/api-client.ts";
import type { CliContext } from "../context.ts";
import { CliFailure } from "../failure.ts";
import type { CommandSpec } from "../flags/command-spec.ts";
import { text, toggle } from "../flags/option-spec.ts";
import { inspectAll, type Found } from "../format/inspect-output.ts";
import { networkView } from "../network/view.ts";

const PATHS: readonly (readonly [type: string, path: (name: string) => string])[] = [
  ["container", (name) => `/containers/${name}/json`],
  ["image", (name) => `/images/${name}/json`],
  ["network", (name) => `/networks/${name}`],
  ["volume", (name) => `/volumes/${name}`],
];

export const inspect: CommandSpec = {
  name: "inspect",
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  summary: "Return low-level information on containers, images and networks",
  arguments: [1, Infinity],
  options: [
    text("format,f", "Format output: json or a Go template"),
    toggle("size,s", "Display total file sizes if the type is container"),
    text("type", "Only inspect objects of the given type"),
  ],
  examples: ["causeway inspect -f '{{.NetworkSettings.Networks.backend.IPAddress}}' c1"],
  run: async (context, names, flags) => {
    const type = flags.text("type");
    const paths = PATHS.filter(([known]) => type === undefined || type === "" || known === type);
    if (paths.length === 0) throw new CliFailure(`"${type}" is not a valid value for --type`);
    const size = flags.isOn("size");
    await inspectAll(context, names, flags.text("format") ?? "", async (name) =>
      find(context, name, { type, paths, size }),
    );
  },
};

interface Search {
  readonly type: string | undefined;
  readonly paths: typeof PATHS;
  readonly size: boolean;
}

async function find({ api }: CliContext, name: string, { type, paths, size }: Search): Promise<Found> {
  for (const [kind, path] of paths) {
    try {
      const query = { size: size && kind === "container" ? 1 : undefined };
      const text = await readText(await api.stream("GET", path(encodeURIComponent(name)), { query }));
      return kind === "network" ? { text, view: networkView } : { text };
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404 || type !== undefined) throw error;
    }
  }
  throw new CliFailure(`Error: No such object: ${name}`);
}
