/** A parsed template: what `parser.ts` makes and `evaluate.ts` carries out. */
import type { GoValue } from "./go-value.ts";

export type TemplateNode =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly pipe: Pipe }
  | { readonly kind: "if" | "with" | "range"; readonly pipe: Pipe; readonly body: Nodes; readonly otherwise: Nodes }
  | { readonly kind: "break" | "continue" };

export type Nodes = readonly TemplateNode[];

/** `$a, $b := command | command` */
export interface Pipe {
  readonly variables: readonly string[];
  /** `=` instead of `:=`: the variables exist already. */
  readonly assigns: boolean;
  readonly commands: readonly (readonly Operand[])[];
  readonly offset: number;
  readonly text: string;
}

export type Operand = OperandSource &
  (
    | { readonly kind: "value"; readonly value: GoValue }
    | { readonly kind: "nil" | "dot" }
    | { readonly kind: "function"; readonly name: string }
    /** `.A.B`, `$x.A`, `(pipe).A`: a start and the fields taken from it. */
    | { readonly kind: "chain"; readonly start: ChainStart; readonly fields: readonly string[] }
  );

export type ChainStart =
  | { readonly kind: "dot" }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "pipe"; readonly pipe: Pipe };

/** Where it stands in the template, for errors. */
interface OperandSource {
  readonly offset: number;
  readonly text: string;
}
