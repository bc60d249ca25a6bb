/** Identifiers as Docker makes them: 64 hex digits from a cryptographic source, shown as the first 12. */
import { randomBytes } from "node:crypto";

/** A fresh 64-digit id whose short form is never all digits (it must not read as a number: Docker rule). */
export function newId(): string {
  for (;;) {
    const id = randomBytes(32).toString("hex");
    if (!/^\d+$/.test(shortId(id))) return id;
  }
}

/** The 12-digit form that people see and type. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
