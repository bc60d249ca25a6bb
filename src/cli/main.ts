/** The `causeway` program: reads the words, does the work, and turns failures into a line on stderr and an exit status. */
import { messageOf } from "../base/errors.ts";
import { CliFailure } from "./failure.ts";
import { runProgram, type Surroundings } from "./program.ts";

/** The exit status. `words` are the arguments without the program's own name. */
export async function main(
  words: readonly string[],
  surroundings: Surroundings = processSurroundings(),
): Promise<number> {
  try {
    await runProgram(words, surroundings);
    return 0;
  } catch (error) {
    if (!(error instanceof CliFailure)) {
      surroundings.stderr.write(`causeway: ${messageOf(error)}\n`);
      return 1;
    }
    if (error.message !== "") surroundings.stderr.write(`${error.message}\n`);
    return error.exitCode;
  }
}

function processSurroundings(): Surroundings {
  const { stdin, stdout, stderr, env } = process;
  // a reader such as `head` that went away is no reason to complain
  stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  return { stdin, stdout, stderr, environment: env };
}
