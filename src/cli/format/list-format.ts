/**
 * Lists by `--format`: `table` (the default), `table TEMPLATE`, `json`, `raw` or a template, each row carried out by itself
 * (https://docs.docker.com/engine/cli/formatting/).
 */
import { messageOf } from "../../base/errors.ts";
import { CliFailure } from "../failure.ts";
import { Template, type TemplateOptions } from "../template/evaluate.ts";
import type { GoMethod, GoRow, GoValue } from "../template/go-value.ts";
import { alignColumns } from "./table.ts";

/** How one kind of thing is listed. */
export interface ListStyle {
  /** Field to column header. */
  readonly headers: Readonly<Record<string, string>>;
  /** The template of the default table, tabs between cells. */
  readonly table: string;
  /** What `--quiet` prints of each. */
  readonly quiet: string;
  readonly raw: { readonly full: string; readonly quiet: string };
}

export interface ListRequest {
  /** `--format`, or "" for the default. */
  readonly format: string;
  readonly quiet: boolean;
}

/** The text for stdout, each row ending in a newline. Throws CliFailure for a template that fails. */
export function renderList(rows: readonly GoRow[], style: ListStyle, { format, quiet }: ListRequest): string {
  const asTable = format === "" || format === "table" || format.startsWith("table ");
  if (asTable && quiet) return renderRows(rows, style.quiet);
  if (asTable) return renderTable(rows, style, format.replace(/^table ?/, "").trim() || style.table);
  if (format === "raw") return renderRows(rows, quiet ? style.raw.quiet : style.raw.full);
  return renderRows(rows, format === "json" ? "{{json .}}" : format);
}

function renderRows(values: readonly GoValue[], source: string): string {
  const template = compile(source);
  return values.map((value) => `${run(template, value)}\n`).join("");
}

function renderTable(rows: readonly GoRow[], style: ListStyle, source: string): string {
  const header = run(compile(source, { functions: HEADER_FUNCTIONS }), style.headers);
  return alignColumns(`${header}\n${renderRows(rows, source)}`);
}

/** Headers pass through functions unchanged, but for padding. */
const HEADER_FUNCTIONS: Readonly<Record<string, GoMethod>> = {
  json: (value) => value,
  title: (value) => value,
  lower: (value) => value,
  truncate: (value) => value,
};

/** Throws CliFailure, with this exit status where it is not 1. */
export function compile(source: string, options: TemplateOptions = {}, exitCode = 1): Template {
  return explained(() => new Template(source.replaceAll("\\t", "\t").replaceAll("\\n", "\n"), options), exitCode);
}

/** Throws CliFailure. */
export function run(template: Template, value: GoValue): string {
  return explained(() => template.execute(value));
}

function explained<T>(body: () => T, exitCode = 1): T {
  try {
    return body();
  } catch (cause) {
    throw new CliFailure(`template parsing error: ${messageOf(cause)}`, exitCode, { cause });
  }
}
