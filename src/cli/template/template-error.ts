/** Errors of a template, in the words of Go's text/template. */

/** The template cannot be read. */
export class TemplateSyntaxError extends Error {
  override readonly name = "TemplateSyntaxError";

  constructor(line: number, why: string) {
    super(`template: :${line}: ${why}`);
  }
}

/** The template cannot be carried out on this value. */
export class TemplateExecutionError extends Error {
  override readonly name = "TemplateExecutionError";

  /** `at` is the source text at fault, which begins `offset` characters into `source`. */
  constructor(source: string, offset: number, at: string, why: string) {
    const before = source.slice(0, offset);
    const line = before.split("\n").length;
    const column = offset - (before.lastIndexOf("\n") + 1);
    super(`template: :${line}:${column}: executing "" at <${at}>: ${why}`);
  }
}
