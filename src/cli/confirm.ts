/** A question before something is destroyed. Anything but y or Y is no. */
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { CliContext } from "./context.ts";

/** Whether the user agrees. */
export async function confirm({ stdin, stdout }: CliContext, question: string): Promise<boolean> {
  stdout.write(`${question} [y/N] `);
  const lines = createInterface({ input: stdin });
  const answer = await Promise.race([once(lines, "line"), once(lines, "close")]);
  lines.close();
  return (
    String(answer[0] ?? "")
      .trim()
      .toLowerCase() === "y"
  );
}
