/**
 * Booleans and integers in driver options, as Go's `strconv` reads and refuses them: its error texts reach users through
 * Docker's messages. Failures are SyntaxErrors with Go's text.
 */

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...["1", "t", "T", "TRUE", "true", "True"].map((text) => [text, true] as const),
  ...["0", "f", "F", "FALSE", "false", "False"].map((text) => [text, false] as const),
]);

/** `strconv.ParseBool`. */
export function parseGoBool(text: string): boolean {
  const value = BOOLEANS.get(text);
  if (value === undefined) throw new SyntaxError(`strconv.ParseBool: parsing ${quote(text)}: invalid syntax`);
  return value;
}

/** `strconv.Atoi`: decimal with an optional sign. */
export function parseGoInt(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new SyntaxError(`strconv.Atoi: parsing ${quote(text)}: invalid syntax`);
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new SyntaxError(`strconv.Atoi: parsing ${quote(text)}: value out of range`);
  return value;
}

/** Close enough to Go's `%q`: both escape quotes, backslashes and control characters. */
function quote(text: string): string {
  return JSON.stringify(text);
}
