/**
 * The instructions of nf_tables rules as plain data, one type per instruction, after `nft --debug=netlink`. Those that we never
 * write are `unknown` when they are read: enough to see that a rule is not one of ours.
 */
import type { Family } from "../../addr/ip-address.ts";

export type Verdict =
  | { readonly verdict: "accept" | "drop" | "continue" | "return" }
  | { readonly verdict: "jump" | "goto"; readonly chain: string };

/** Registers are byte offsets (see `ruleset.ts`). */
export type Expression =
  /** Bytes of the packet into a register. */
  | {
      readonly kind: "payload";
      readonly base: "network" | "transport";
      readonly offset: number;
      readonly length: number;
      readonly to: number;
    }
  | { readonly kind: "meta"; readonly key: "iif" | "iifname" | "oifname" | "l4proto" | "mark"; readonly to: number }
  /** 4 bytes in host order. */
  | { readonly kind: "ct"; readonly key: "state" | "status"; readonly to: number }
  /** What kind of address it is to this host, an `RTN_` number in 4 bytes of host order. nft: `fib daddr type`. */
  | { readonly kind: "fib"; readonly address: "saddr" | "daddr"; readonly to: number }
  | {
      readonly kind: "bitwise";
      readonly from: number;
      readonly to: number;
      readonly mask: Uint8Array;
      readonly xor: Uint8Array;
    }
  /** Ends the rule unless the comparison holds. */
  | { readonly kind: "compare"; readonly from: number; readonly operator: "eq" | "neq"; readonly value: Uint8Array }
  /** Ends the rule unless the key is there (`inverted`: is not). `to`: the data goes there; "verdict": it is obeyed. */
  | {
      readonly kind: "lookup";
      readonly set: string;
      readonly from: number;
      readonly to?: number | "verdict";
      readonly inverted?: boolean;
    }
  | { readonly kind: "immediate"; readonly to: number; readonly value: Uint8Array }
  | ({ readonly kind: "verdict" } & Verdict)
  | { readonly kind: "counter" }
  | { readonly kind: "masquerade" }
  | {
      readonly kind: "nat";
      readonly translate: "source" | "destination";
      readonly family: Family;
      /** Registers of the new address and port. */
      readonly address?: number;
      readonly port?: number;
    }
  | { readonly kind: "unknown"; readonly name: string };
