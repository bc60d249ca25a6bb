/**
 * What every `inspect` prints: an array of what was found, indented, or a template's output for each; then the errors of what
 * was not found, and status 1.
 */
import { printError, type CliContext } from "../context.ts";
import { CliFailure } from "../failure.ts";
import { indentJson } from "./indent-json.ts";
import { compile, run } from "./list-format.ts";
import { parseJson, type ApiJson } from "../client/json-text.ts";
import type { GoValue } from "../template/go-value.ts";

export interface Found {
  /** The object's JSON. */
  readonly text: string;
  /** What a template sees of it; the JSON itself where nothing is said. */
  readonly view?: (json: ApiJson) => GoValue;
}

/** Fetches one object. Throws CliFailure. */
export type Fetch = (reference: string) => Promise<Found>;

export async function inspectAll(
  context: CliContext,
  references: readonly string[],
  format: string,
  fetch: Fetch,
): Promise<void> {
  const template = format === "" ? undefined : compile(format === "json" ? "{{json .}}" : format, STRICT, 64);
  const found: string[] = [];
  const errors: string[] = [];
  for (const reference of references) {
    try {
      const { text, view = (json) => json } = await fetch(reference);
      found.push(template === undefined ? text : `${run(template, view(parseJson(text)))}\n`);
    } catch (cause) {
      if (!(cause instanceof CliFailure)) throw cause;
      errors.push(cause.message);
    }
  }
  context.stdout.write(template === undefined ? `${indentJson(`[${found.join(",")}]`)}\n` : found.join("") || "\n");
  if (errors.length === 0) return;
  printError(context, errors.join("\n"));
  throw new CliFailure("");
}

/** As docker's template for raw JSON; it ends with status 64 when it cannot be read. */
const STRICT = { missingKeyIsError: true };
