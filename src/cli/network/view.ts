/** A network as templates see it: docker reads its times as times, which print as Go prints them. */
import { asObject, asText } from "../client/json-access.ts";
import type { ApiJson } from "../client/json-text.ts";
import { GoTime, type GoValue } from "../template/go-value.ts";

export function networkView(json: ApiJson): GoValue {
  const network = asObject(json);
  return { ...network, Created: new GoTime(asText(network["Created"])) };
}
