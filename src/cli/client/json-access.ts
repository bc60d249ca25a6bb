/** Reading the API's JSON without trusting its shape: each reader gives an empty value where the field is missing or other. */
import type { Json } from "../../store/store.ts";

export type JsonObject = Readonly<Record<string, Json>>;

export function asObject(json: Json | undefined): JsonObject {
  return isObject(json) ? json : {};
}

export function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

export function asList(json: Json | undefined): readonly Json[] {
  return Array.isArray(json) ? Array.from<Json>(json) : [];
}

export function asText(json: Json | undefined): string {
  return typeof json === "string" ? json : "";
}

export function asNumber(json: Json | undefined): number {
  return typeof json === "number" ? json : 0;
}

export function asBoolean(json: Json | undefined): boolean {
  return json === true;
}

/** The text members of an object: labels, options. */
export function asTextMap(json: Json | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(asObject(json)).map(([key, value]) => [key, asText(value)]));
}
