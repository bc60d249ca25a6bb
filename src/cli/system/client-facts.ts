/** What `version` and `info` say about this program, under the names that docker has for it. */
import { readFileSync } from "node:fs";
import { arch } from "node:os";
import { NEWEST_API } from "../client/api-client.ts";
import { asObject, asText } from "../client/json-access.ts";

/** Go's names where they differ from Node's. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386", ppc64: "ppc64le" };

/** `apiVersion`: as negotiated; undefined when no daemon answered. Context is docker's word for which daemon; we have one. */
export function clientFacts(apiVersion?: string): Readonly<Record<string, string>> {
  return {
    Version: ownVersion(),
    ApiVersion: apiVersion ?? NEWEST_API,
    DefaultAPIVersion: NEWEST_API,
    GoVersion: `node ${process.version}`,
    Os: process.platform,
    Arch: ARCHITECTURES[arch()] ?? arch(),
    Context: "default",
  };
}

/** The package's version, from the package.json above this file, in the source and in the build alike. */
function ownVersion(): string {
  const file = new URL("../../../package.json", import.meta.url);
  return asText(asObject(JSON.parse(readFileSync(file, "utf8")))["version"]);
}
