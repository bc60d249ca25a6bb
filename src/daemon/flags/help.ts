/** `causewayd --help`: the flags that have an effect first, then those that are accepted for scripts' sake. */
import type { Flag } from "./flag.ts";
import { FLAGS } from "./table.ts";

const KINDS: Readonly<Record<Flag["kind"], string>> = {
  bool: "",
  string: "string",
  int: "int",
  list: "list",
  map: "map",
  pools: "pool-options",
};

export function helpText(): string {
  const typed = FLAGS.filter((flag) => flag.fileOnly !== true);
  const acting = typed.filter((flag) => flag.support === "acts").map(line);
  const others = typed.filter((flag) => flag.support !== "acts").map((flag) => `--${flag.name}`);
  return [
    "Usage:  causewayd [OPTIONS]",
    "",
    "The container-network engine: Docker's API on a socket, with dockerd's flags.",
    "",
    "  causewayd -H unix:///run/causeway.sock",
    "  docker -H unix:///run/causeway.sock network create backend",
    "",
    "Options:",
    ...acting,
    "",
    "Also known, as every other flag of dockerd 28; the log says what becomes of each when it is given:",
    ...wrapped(others, 100),
    "",
  ].join("\n");
}

function line(flag: Flag): string {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  const head = `  ${short}--${flag.name} ${KINDS[flag.kind]}`.padEnd(40);
  const silent = flag.initial === undefined || flag.initial === false || flag.initial === "";
  const initial = silent ? "" : ` (default ${JSON.stringify(flag.initial)})`;
  return `${head} ${flag.help}${initial}`;
}

function wrapped(words: readonly string[], width: number): readonly string[] {
  const lines: string[] = [];
  let current = " ";
  for (const word of words) {
    if (current.length + word.length + 1 > width) {
      lines.push(current);
      current = " ";
    }
    current += ` ${word}`;
  }
  return [...lines, current];
}
