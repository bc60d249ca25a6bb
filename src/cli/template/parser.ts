/** Go's template grammar, less `define`, `template` and `block`, which a format on a command line has no use for. */
import { lineAt, tokenize, type Token } from "./lexer.ts";
import type { ChainStart, Nodes, Operand, Pipe, TemplateNode } from "./syntax-tree.ts";
import { TemplateSyntaxError } from "./template-error.ts";

/** Throws TemplateSyntaxError. `functions` are the names that may be called. */
export function parseTemplate(source: string, functions: ReadonlySet<string>): Nodes {
  return new Parser(source, functions).parse();
}

type Ending = "end" | "else" | "eof";

class Parser {
  readonly #source: string;
  readonly #functions: ReadonlySet<string>;
  readonly #tokens: readonly Token[];
  readonly #variables: string[] = ["$"];
  #position = 0;
  #loops = 0;

  constructor(source: string, functions: ReadonlySet<string>) {
    this.#source = source;
    this.#functions = functions;
    this.#tokens = tokenize(source);
  }

  parse(): Nodes {
    const { nodes, ending } = this.#nodes();
    if (ending !== "eof") throw this.#error(`unexpected {{${ending}}}`);
    return nodes;
  }

  /** Up to `{{end}}`, `{{else` or the template's end. */
  #nodes(): { nodes: Nodes; ending: Ending } {
    const nodes: TemplateNode[] = [];
    for (let token = this.#next(); token !== undefined; token = this.#next()) {
      if (token.kind === "text") {
        nodes.push({ kind: "text", text: token.text });
        continue;
      }
      const word = this.#peek()?.kind === "word" ? this.#peek()?.text : undefined;
      if (word === "end" || word === "else") {
        this.#position++;
        if (word === "end") this.#close("end");
        return { nodes, ending: word };
      }
      nodes.push(this.#action(word));
    }
    return { nodes, ending: "eof" };
  }

  #action(word: string | undefined): TemplateNode {
    if (word === "if" || word === "with" || word === "range") {
      this.#position++;
      return this.#control(word);
    }
    if (word === "break" || word === "continue") {
      this.#position++;
      if (this.#loops === 0) throw this.#error(`{{${word}}} outside {{range}}`);
      this.#close(word);
      return { kind: word };
    }
    const pipe = this.#pipe("command");
    this.#close("command");
    return { kind: "action", pipe };
  }

  #control(kind: "if" | "with" | "range"): TemplateNode {
    const scope = this.#variables.length;
    const pipe = this.#pipe(kind);
    this.#close(kind);
    if (kind === "range") this.#loops++;
    const body = this.#nodes();
    if (kind === "range") this.#loops--;
    const otherwise = body.ending === "else" ? this.#otherwise(kind) : [];
    if (body.ending === "eof") throw this.#error("unexpected EOF");
    this.#variables.length = scope;
    return { kind, pipe, body: body.nodes, otherwise };
  }

  /** Behind `{{else`: `}}`, or ` if ...}}` and ` with ...}}` as one with their own branches and the same end. */
  #otherwise(kind: "if" | "with" | "range"): Nodes {
    const next = this.#peek();
    if (next?.kind === "word" && next.text === kind && kind !== "range") {
      this.#position++;
      return [this.#control(kind)];
    }
    this.#close("else");
    const { nodes, ending } = this.#nodes();
    if (ending === "eof") throw this.#error("unexpected EOF");
    if (ending === "else") throw this.#error("expected end; found {{else}}");
    return nodes;
  }

  #pipe(context: string): Pipe {
    const first = this.#position;
    const { variables, assigns } = this.#declarations(context);
    const commands: (readonly Operand[])[] = [];
    do commands.push(this.#command(context));
    while (this.#accept("|"));
    const [start, end] = [this.#tokens[first], this.#tokens[this.#position - 1]];
    const offset = start?.offset ?? 0;
    const text = this.#source.slice(offset, (end?.offset ?? 0) + (end?.text.length ?? 0));
    if (!assigns) this.#variables.push(...variables);
    return { variables, assigns, commands, offset, text };
  }

  #declarations(context: string): { variables: readonly string[]; assigns: boolean } {
    const variables: string[] = [];
    const start = this.#position;
    while (this.#peek()?.kind === "variable") {
      variables.push(this.#next()?.text ?? "");
      const more = this.#peek();
      if (more?.text === "," && context === "range" && variables.length === 1) this.#position++;
      else if (more?.text === ":=" || more?.text === "=") {
        this.#position++;
        return { variables, assigns: more.text === "=" };
      } else break;
    }
    this.#position = start;
    return { variables: [], assigns: false };
  }

  #command(context: string): readonly Operand[] {
    const operands: Operand[] = [];
    for (;;) {
      const next = this.#peek();
      if (next === undefined || next.kind === "close" || next.text === "|" || next.text === ")") break;
      if (operands.length > 0 && !next.spaced) throw this.#error(`unexpected <${next.text}> in operand`);
      operands.push(this.#operand(context));
    }
    if (operands.length === 0) throw this.#error(`missing value for ${context}`);
    return operands;
  }

  #operand(context: string): Operand {
    const token = this.#next();
    if (token === undefined) throw this.#error("unclosed action");
    const { offset, text } = token;
    switch (token.kind) {
      case "field":
        return this.#chain({ kind: "dot" }, token, [text.slice(1)]);
      case "variable":
        if (!this.#variables.includes(text)) throw this.#error(`undefined variable ${JSON.stringify(text)}`);
        return this.#chain({ kind: "variable", name: text }, token, []);
      case "dot":
        return { kind: "dot", offset, text };
      case "string":
        return { kind: "value", value: unquote(text), offset, text };
      case "char":
        return { kind: "value", value: unquote(`"${text.slice(1, -1)}"`).codePointAt(0) ?? 0, offset, text };
      case "number":
        return { kind: "value", value: Number(text), offset, text };
      case "word":
        return this.#word(token);
      case "text":
      case "open":
      case "close":
      case "operator":
        break;
    }
    if (text !== "(") throw this.#error(`unexpected <${text}> in ${context}`);
    const pipe = this.#pipe("parenthesized pipeline");
    if (!this.#accept(")")) throw this.#error("unclosed left paren");
    return this.#chain({ kind: "pipe", pipe }, token, []);
  }

  #word({ offset, text }: Token): Operand {
    if (text === "true" || text === "false") return { kind: "value", value: text === "true", offset, text };
    if (text === "nil") return { kind: "nil", offset, text };
    if (!this.#functions.has(text)) throw this.#error(`function ${JSON.stringify(text)} not defined`);
    return { kind: "function", name: text, offset, text };
  }

  /** The fields that follow without a space. Go reports a chain at its second field. */
  #chain(start: ChainStart, token: Token, first: readonly string[]): Operand {
    const fields = [...first];
    let offset: number | undefined;
    for (let next = this.#peek(); next?.kind === "field" && !next.spaced; next = this.#peek()) {
      offset ??= next.offset;
      fields.push(next.text.slice(1));
      this.#position++;
    }
    const last = this.#tokens[this.#position - 1];
    const text = this.#source.slice(token.offset, (last?.offset ?? 0) + (last?.text.length ?? 0));
    return { kind: "chain", start, fields, offset: offset ?? token.offset, text };
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#position];
  }

  #next(): Token | undefined {
    return this.#tokens[this.#position++];
  }

  #accept(operator: string): boolean {
    const accepted = this.#peek()?.kind === "operator" && this.#peek()?.text === operator;
    if (accepted) this.#position++;
    return accepted;
  }

  #close(context: string): void {
    const token = this.#next();
    if (token?.kind !== "close") throw this.#error(`unexpected <${token?.text ?? "EOF"}> in ${context}`);
  }

  #error(why: string): TemplateSyntaxError {
    const token = this.#tokens[Math.min(this.#position, this.#tokens.length) - 1];
    return new TemplateSyntaxError(lineAt(this.#source, token?.offset ?? 0), why);
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", a: "\x07", b: "\b", f: "\f", v: "\v" };

/** The value of a Go string literal. */
function unquote(literal: string): string {
  if (literal.startsWith("`")) return literal.slice(1, -1);
  const escape = /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))/gs;
  return literal.slice(1, -1).replace(escape, (...groups: string[]) => {
    const [, byte, short, long, octal, letter = ""] = groups;
    const hex = byte ?? short ?? long;
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return octal !== undefined ? String.fromCodePoint(Number.parseInt(octal, 8)) : (ESCAPES[letter] ?? letter);
  });
}
