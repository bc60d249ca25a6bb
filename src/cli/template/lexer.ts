/** Cuts a Go template into text and the tokens of its actions (Go's text/template/parse). Trim markers are applied here. */
import { TemplateSyntaxError } from "./template-error.ts";

export type TokenKind =
  "text" | "open" | "close" | "field" | "variable" | "word" | "number" | "string" | "char" | "operator" | "dot";

export interface Token {
  readonly kind: TokenKind;
  /** Source text; for strings and chars with their quotes. */
  readonly text: string;
  /** Characters from the template's start. */
  readonly offset: number;
  /** White space stands before it. */
  readonly spaced: boolean;
}

const PATTERNS: readonly (readonly [kind: TokenKind, pattern: RegExp])[] = [
  ["string", /"(?:[^"\\\n]|\\.)*"|`[^`]*`/y],
  ["char", /'(?:[^'\\\n]|\\.)+'/y],
  ["field", /\.[\p{L}_][\p{L}\p{N}_]*/uy],
  ["number", /[+-]?(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)/y],
  ["variable", /\$[\p{L}\p{N}_]*/uy],
  ["word", /[\p{L}_][\p{L}\p{N}_]*/uy],
  ["operator", /:=|[=|(),]/y],
  ["dot", /\./y],
];

export function tokenize(source: string): Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  let trimNext = false;
  for (;;) {
    const open = source.indexOf("{{", offset);
    let text = source.slice(offset, open < 0 ? undefined : open);
    if (trimNext) text = text.trimStart();
    const trimsLeft = open >= 0 && /^\{\{-\s/.test(source.slice(open, open + 4));
    if (trimsLeft) text = text.trimEnd();
    if (text !== "") tokens.push({ kind: "text", text, offset, spaced: false });
    if (open < 0) return tokens;
    const action = readAction(source, open, trimsLeft ? open + 3 : open + 2);
    tokens.push(...action.tokens);
    ({ end: offset, trimNext } = action);
  }
}

interface Action {
  readonly tokens: readonly Token[];
  readonly end: number;
  readonly trimNext: boolean;
}

function readAction(source: string, open: number, start: number): Action {
  const comment = /\s*\/\*[^]*?\*\/(\s-)?\}\}/y;
  comment.lastIndex = start;
  const found = comment.exec(source);
  if (found !== null) return { tokens: [], end: comment.lastIndex, trimNext: found[1] !== undefined };
  const tokens: Token[] = [{ kind: "open", text: "{{", offset: open, spaced: false }];
  let offset = start;
  for (;;) {
    const space = /\s*/y;
    space.lastIndex = offset;
    const spaced = (space.exec(source)?.[0] ?? "") !== "";
    offset = spaced ? space.lastIndex : offset;
    const trimNext = spaced && source.startsWith("-}}", offset);
    if (trimNext || source.startsWith("}}", offset)) {
      tokens.push({ kind: "close", text: "}}", offset, spaced });
      return { tokens, end: offset + (trimNext ? 3 : 2), trimNext };
    }
    const before = spaced ? undefined : tokens.at(-1)?.kind;
    const token = readToken(source, offset, spaced, before);
    tokens.push(token);
    offset += token.text.length;
  }
}

/** `before` is the kind of the token that ends here, without a space between. */
function readToken(source: string, offset: number, spaced: boolean, before: TokenKind | undefined): Token {
  for (const [kind, pattern] of PATTERNS) {
    pattern.lastIndex = offset;
    const text = pattern.exec(source)?.[0];
    if (text !== undefined) return { kind, text, offset, spaced };
  }
  const unterminated = before === "field" || before === "variable" || before === "word";
  const why = unterminated && offset < source.length ? badCharacter(source, offset) : describeBad(source, offset);
  throw new TemplateSyntaxError(lineAt(source, offset), why);
}

/** A name must end at white space or punctuation. */
function badCharacter(source: string, offset: number): string {
  const code = source.codePointAt(offset) ?? 0;
  return `bad character U+${code.toString(16).toUpperCase().padStart(4, "0")} '${String.fromCodePoint(code)}'`;
}

function describeBad(source: string, offset: number): string {
  const character = source[offset];
  if (character === undefined) return "unclosed action";
  if (character === '"') return "unterminated quoted string";
  if (character === "`") return "unterminated raw quoted string";
  if (character === "'") return "unterminated character constant";
  if (character === "}") return 'unexpected "}" in operand';
  return `unexpected ${JSON.stringify(character)} in operand`;
}

/** The number of the line that the offset is in, from 1. */
export function lineAt(source: string, offset: number): number {
  return source.slice(0, offset).split("\n").length;
}
