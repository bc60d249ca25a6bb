/** Carries out a parsed template on a value, as Go's text/template/exec does. */
import { assertArgumentCount, FUNCTIONS } from "./functions.ts";
import { printValue } from "./go-print.ts";
import { GoRow, isGoList, isGoObject, isTrue, typeNameOf, type GoMethod, type GoValue } from "./go-value.ts";
import { parseTemplate } from "./parser.ts";
import type { Nodes, Operand, Pipe, TemplateNode } from "./syntax-tree.ts";
import { TemplateExecutionError } from "./template-error.ts";

export interface TemplateOptions {
  /** A key that a JSON object does not have is an error, as in `docker inspect`; otherwise it prints `<no value>`. */
  readonly missingKeyIsError?: boolean;
  /** More functions, or others of the same name. */
  readonly functions?: Readonly<Record<string, GoMethod>>;
}

/** A template ready to be carried out on any number of values. */
export class Template {
  readonly #source: string;
  readonly #nodes: Nodes;
  readonly #options: TemplateOptions;

  /** Throws TemplateSyntaxError. */
  constructor(source: string, options: TemplateOptions = {}) {
    this.#source = source;
    this.#options = options;
    const functions = Object.keys({ ...FUNCTIONS, ...options.functions });
    this.#nodes = parseTemplate(source, new Set(functions));
  }

  /** Throws TemplateExecutionError. */
  execute(value: GoValue): string {
    return new Execution(this.#source, value, this.#options).run(this.#nodes);
  }
}

interface Variable {
  readonly name: string;
  value: GoValue;
}

/** How a list of nodes ended. */
type Outcome = "done" | "break" | "continue";

class Execution {
  readonly #source: string;
  readonly #options: TemplateOptions;
  readonly #functions: Readonly<Record<string, GoMethod>>;
  readonly #variables: Variable[];
  readonly #root: GoValue;
  #output = "";

  constructor(source: string, root: GoValue, options: TemplateOptions) {
    this.#source = source;
    this.#options = options;
    this.#functions = { ...FUNCTIONS, ...options.functions };
    this.#variables = [{ name: "$", value: root }];
    this.#root = root;
  }

  run(nodes: Nodes): string {
    this.#walk(nodes, this.#root);
    return this.#output;
  }

  #walk(nodes: Nodes, dot: GoValue): Outcome {
    for (const node of nodes) {
      const outcome = this.#step(node, dot);
      if (outcome !== "done") return outcome;
    }
    return "done";
  }

  #step(node: TemplateNode, dot: GoValue): Outcome {
    switch (node.kind) {
      case "text":
        this.#output += node.text;
        return "done";
      case "break":
      case "continue":
        return node.kind;
      case "action": {
        const value = this.#evaluate(node.pipe, dot);
        if (node.pipe.variables.length === 0) this.#output += printValue(value);
        return "done";
      }
      case "if":
      case "with":
      case "range":
        return this.#branch(node, dot);
    }
  }

  #branch(node: Extract<TemplateNode, { kind: "if" | "with" | "range" }>, dot: GoValue): Outcome {
    const scope = this.#variables.length;
    try {
      const value = this.#evaluate(node.pipe, dot, node.kind === "range");
      if (node.kind === "range") return this.#range(node, dot, value);
      if (!isTrue(value)) return this.#walk(node.otherwise, dot);
      return this.#walk(node.body, node.kind === "with" ? value : dot);
    } finally {
      this.#variables.length = scope;
    }
  }

  #range(node: Extract<TemplateNode, { kind: "if" | "with" | "range" }>, dot: GoValue, value: GoValue): Outcome {
    const entries = this.#entries(node.pipe, value);
    if (entries.length === 0) return this.#walk(node.otherwise, dot);
    const scope = this.#variables.length;
    for (const [key, member] of entries) {
      const { variables } = node.pipe;
      const values = variables.length === 2 ? [key, member] : [member];
      variables.forEach((name, index) => this.#variables.push({ name, value: values[index] }));
      const outcome = this.#walk(node.body, member);
      this.#variables.length = scope;
      if (outcome === "break") break;
    }
    return "done";
  }

  #entries(pipe: Pipe, value: GoValue): (readonly [GoValue, GoValue])[] {
    if (value === undefined || value === null) return [];
    if (isGoList(value)) return value.map((member, index) => [index, member] as const);
    if (isGoObject(value))
      return Object.keys(value)
        .sort()
        .map((key) => [key, value[key]] as const);
    if (typeof value === "number" && Number.isInteger(value)) {
      return Array.from({ length: Math.max(0, value) }, (_, index) => [index, index] as const);
    }
    throw this.#error(pipe, `range can't iterate over ${printValue(value)}`);
  }

  /** `bare` leaves the variables of a range to its rounds. */
  #evaluate(pipe: Pipe, dot: GoValue, bare = false): GoValue {
    let value: GoValue;
    pipe.commands.forEach((command, index) => {
      value = this.#command(command, dot, index === 0 ? [] : [value]);
    });
    if (bare) return value;
    for (const name of pipe.variables) {
      const existing = this.#variables.findLast((variable) => variable.name === name);
      if (pipe.assigns && existing !== undefined) existing.value = value;
      else this.#variables.push({ name, value });
    }
    return value;
  }

  /** `piped` is the value of the command before, which becomes the last argument. */
  #command(command: readonly Operand[], dot: GoValue, piped: readonly GoValue[]): GoValue {
    const [first, ...rest] = command;
    if (first === undefined) return undefined;
    const args = (): GoValue[] => [...rest.map((operand) => this.#operand(operand, dot)), ...piped];
    if (first.kind === "function") return this.#call(first, this.#functions[first.name], args);
    if (first.kind === "chain" && first.fields.length > 0) return this.#chain(first, dot, args());
    if (first.kind === "nil") throw this.#error(first, "nil is not a command");
    if (rest.length + piped.length > 0) throw this.#error(first, `can't give argument to non-function ${first.text}`);
    return this.#operand(first, dot);
  }

  #operand(operand: Operand, dot: GoValue): GoValue {
    switch (operand.kind) {
      case "value":
        return operand.value;
      case "nil":
        return null;
      case "dot":
        return dot;
      case "function":
        return this.#call(operand, this.#functions[operand.name], () => []);
      case "chain":
        return this.#chain(operand, dot, []);
    }
  }

  #chain(operand: Extract<Operand, { kind: "chain" }>, dot: GoValue, args: readonly GoValue[]): GoValue {
    const { start, fields } = operand;
    let value =
      start.kind === "dot"
        ? dot
        : start.kind === "variable"
          ? this.#variables.findLast(({ name }) => name === start.name)?.value
          : this.#evaluate(start.pipe, dot);
    let typed = false;
    fields.forEach((name, index) => {
      if (typed && typeof value !== "object") throw this.#noField(operand, name, typeNameOf(value));
      typed = value instanceof GoRow;
      value = this.#field(operand, value, name, index === fields.length - 1 ? args : []);
    });
    return value;
  }

  #field(operand: Operand, value: GoValue, name: string, args: readonly GoValue[]): GoValue {
    if (value instanceof GoRow) {
      const method = value.methods[name];
      if (method !== undefined) return this.#call(operand, method, () => args);
      if (Object.hasOwn(value.fields, name)) return this.#noArguments(operand, name, args, value.fields[name]);
      throw this.#noField(operand, name, value.typeName);
    }
    if (isGoObject(value)) return this.#noArguments(operand, name, args, this.#member(operand, value, name));
    if (value === undefined || value === null) {
      if (this.#options.missingKeyIsError === true) {
        throw this.#error(operand, `nil data; no entry for key ${JSON.stringify(name)}`);
      }
      return undefined;
    }
    throw this.#noField(operand, name, "interface {}");
  }

  #noField(operand: Operand, name: string, type: string): TemplateExecutionError {
    return this.#error(operand, `can't evaluate field ${name} in type ${type}`);
  }

  /** docker's structs say ID and DNS where their JSON says Id and Dns: a capitalised name also finds a member in other case. */
  #member(operand: Operand, object: { readonly [key: string]: GoValue }, name: string): GoValue {
    if (Object.hasOwn(object, name)) return object[name];
    const other = /^[A-Z]/.test(name) && Object.keys(object).find((key) => key.toLowerCase() === name.toLowerCase());
    if (typeof other === "string") return object[other];
    if (this.#options.missingKeyIsError !== true) return undefined;
    throw this.#error(operand, `map has no entry for key ${JSON.stringify(name)}`);
  }

  #noArguments(operand: Operand, name: string, args: readonly GoValue[], value: GoValue): GoValue {
    if (args.length === 0) return value;
    throw this.#error(operand, `wrong number of args for ${name}: want 0 got ${args.length}`);
  }

  #call(operand: Operand, method: GoMethod | undefined, args: () => readonly GoValue[]): GoValue {
    const values = args();
    try {
      if (operand.kind === "function") assertArgumentCount(operand.name, values.length);
      return method?.(...values);
    } catch (cause) {
      if (cause instanceof TemplateExecutionError) throw cause;
      throw this.#error(operand, cause instanceof Error ? cause.message : String(cause));
    }
  }

  #error({ offset, text }: { readonly offset: number; readonly text: string }, why: string): TemplateExecutionError {
    return new TemplateExecutionError(this.#source, offset, text, why);
  }
}
