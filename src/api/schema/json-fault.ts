/**
 * Finds the first fault in a text that is not JSON and says it in the words of Go's encoding/json scanner. It keeps its own
 * stack, and gives up where Go does on documents that nest too deep.
 */

export type JsonFault = { readonly kind: "syntax"; readonly message: string } | { readonly kind: "trailing" };

/** As in Go: deeper documents are refused. */
const MAX_DEPTH = 10_000;

const SPACE = new Set([" ", "\t", "\r", "\n"]);

class Fault extends Error {}

/** What is wrong with `text`; "trailing" when a whole value is followed by something else. */
export function findJsonFault(text: string): JsonFault {
  const scanner = new Scanner(text);
  try {
    scanner.document();
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    return { kind: "syntax", message: fault.message };
  }
  return { kind: "trailing" };
}

class Scanner {
  readonly #text: string;
  #at = 0;
  /** `{` or `[` of each open container, outermost first. */
  readonly #open: string[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads one value; throws Fault at the first character that cannot be. */
  document(): void {
    let expectsValue = true;
    do {
      expectsValue = expectsValue ? this.#value() : this.#afterValue();
    } while (this.#open.length > 0 || expectsValue);
  }

  /** Reads a scalar, an empty container, or the opening of a container; answers whether a value must follow. */
  #value(): boolean {
    const first = this.#next();
    if (first === "{") return this.#openObject();
    if (first === "[") return this.#openArray();
    if (first === '"') this.#string();
    else if (first === "-" || /\d/.test(first)) this.#number(first);
    else if (first === "t") this.#literal("true");
    else if (first === "f") this.#literal("false");
    else if (first === "n") this.#literal("null");
    else this.#fail(first, "looking for beginning of value");
    return false;
  }

  #openObject(): boolean {
    this.#push("{");
    if (this.#peek() !== "}") return this.#key();
    this.#at++;
    this.#open.pop();
    return false;
  }

  #openArray(): boolean {
    this.#push("[");
    if (this.#peek() !== "]") return true;
    this.#at++;
    this.#open.pop();
    return false;
  }

  #push(mark: "{" | "["): void {
    if (this.#open.length === MAX_DEPTH) throw new Fault("exceeded max depth");
    this.#open.push(mark);
  }

  /** Reads `"key":`; a value must follow. */
  #key(): true {
    const quote = this.#next();
    if (quote !== '"') this.#fail(quote, "looking for beginning of object key string");
    this.#string();
    const colon = this.#next();
    if (colon !== ":") this.#fail(colon, "after object key");
    return true;
  }

  /** Reads the comma or bracket after a member. */
  #afterValue(): boolean {
    const inObject = this.#open.at(-1) === "{";
    const where = inObject ? "after object key:value pair" : "after array element";
    const mark = this.#next();
    if (mark === ",") return inObject ? this.#key() : true;
    if (mark !== (inObject ? "}" : "]")) this.#fail(mark, where);
    this.#open.pop();
    return false;
  }

  #string(): void {
    for (;;) {
      const char = this.#take();
      if (char === '"') return;
      if (char < " ") this.#fail(char, "in string literal");
      if (char === "\\") this.#escape();
    }
  }

  #escape(): void {
    const char = this.#take();
    if (!'"\\/bfnrtu'.includes(char)) this.#fail(char, "in string escape code");
    if (char !== "u") return;
    for (let digit = 0; digit < 4; digit++) {
      const hex = this.#take();
      if (!/[0-9a-f]/i.test(hex)) this.#fail(hex, "in \\u hexadecimal character escape");
    }
  }

  #number(first: string): void {
    let digit = first;
    if (digit === "-") digit = this.#take();
    if (!/\d/.test(digit)) this.#fail(digit, "in numeric literal");
    if (digit !== "0") this.#digits();
    if (this.#text[this.#at] === ".") this.#fraction("after decimal point in numeric literal");
    if (/[eE]/.test(this.#text[this.#at] ?? "")) this.#fraction("in exponent of numeric literal");
  }

  /** Reads the mark, a sign, and at least one digit. */
  #fraction(where: string): void {
    const mark = this.#take();
    if (mark !== "." && /[+-]/.test(this.#text[this.#at] ?? "")) this.#at++;
    const digit = this.#take();
    if (!/\d/.test(digit)) this.#fail(digit, where);
    this.#digits();
  }

  #digits(): void {
    while (/\d/.test(this.#text[this.#at] ?? "")) this.#at++;
  }

  #literal(word: string): void {
    for (const expected of word.slice(1)) {
      const char = this.#take();
      if (char !== expected) this.#fail(char, `in literal ${word} (expecting '${expected}')`);
    }
  }

  #peek(): string {
    while (SPACE.has(this.#text[this.#at] ?? "")) this.#at++;
    return this.#text[this.#at] ?? "";
  }

  /** The next character that is no space. */
  #next(): string {
    this.#peek();
    return this.#take();
  }

  #take(): string {
    const char = this.#text[this.#at++];
    if (char === undefined) throw new Fault("unexpected EOF");
    return char;
  }

  #fail(char: string, where: string): never {
    const shown = char === "'" ? String.raw`'\''` : char === '"' ? `'"'` : `'${JSON.stringify(char).slice(1, -1)}'`;
    throw new Fault(`invalid character ${shown} ${where}`);
  }
}
