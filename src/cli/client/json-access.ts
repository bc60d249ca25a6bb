/** Reading the API's JSON without trusting its shape: each reader gives an empty value where the field is missing or other. */
import type { ApiJson } from "./json-text.ts";

export type JsonObject = Readonly<Record<string, ApiJson>>;

export function asObject(json: ApiJson | undefined): JsonObject {
  return isObject(json) ? json : {};
}

export function isObject(json: ApiJson | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

export function asList(json: ApiJson | undefined): readonly ApiJson[] {
  return Array.isArray(json) ? Array.from<ApiJson>(json) : [];
}

export function asText(json: ApiJson | undefined): string {
  return typeof json === "string" ? json : "";
}

export function asNumber(json: ApiJson | undefined): number {
  return typeof json === "number" || typeof json === "bigint" ? Number(json) : 0;
}

/** A whole number with all its digits. */
export function asBigInt(json: ApiJson | undefined): bigint {
  return typeof json === "bigint" ? json : BigInt(Math.trunc(asNumber(json)));
}

export function asBoolean(json: ApiJson | undefined): boolean {
  return json === true;
}

/** The text members of an object: labels, options. */
export function asTextMap(json: ApiJson | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(asObject(json)).map(([key, value]) => [key, asText(value)]));
}
