/** Query parameters as dockerd reads them: the first value wins, and anything but 0, no, false and none is true. */
import { EngineError } from "../base/errors.ts";

const FALSE = new Set(["", "0", "no", "false", "none"]);

export class Query {
  readonly #values: URLSearchParams;

  /** Takes a URL with or without query. */
  constructor(url: string) {
    const start = url.indexOf("?");
    this.#values = new URLSearchParams(start < 0 ? "" : url.slice(start + 1));
  }

  /** Empty when absent. */
  text(name: string): string {
    return this.#values.get(name) ?? "";
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  all(name: string): readonly string[] {
    return this.#values.getAll(name);
  }

  flag(name: string, whenAbsent = false): boolean {
    const value = this.#values.get(name);
    return value === null ? whenAbsent : !FALSE.has(value.trim().toLowerCase());
  }

  /** Undefined when absent or empty. Throws `invalid-argument` when it is no integer. */
  integer(name: string): number | undefined {
    const value = this.text(name);
    if (value === "") return undefined;
    if (!/^[+-]?\d{1,15}$/.test(value)) {
      throw new EngineError("invalid-argument", `strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
    }
    return Number(value);
  }

  /** Seconds since the epoch with up to nine decimals, as nanoseconds; undefined when absent, empty or zero. */
  timeNs(name: string): bigint | undefined {
    const value = this.text(name);
    if (value === "" || value === "0") return undefined;
    const match = /^(\d{1,12})(?:\.(\d{1,9}))?$/.exec(value);
    if (match === null) {
      throw new EngineError("invalid-argument", `strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    }
    return BigInt(match[1] ?? "0") * 1_000_000_000n + BigInt((match[2] ?? "").padEnd(9, "0"));
  }
}
