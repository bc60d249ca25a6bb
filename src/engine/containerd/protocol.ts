/**
 * Loads our .proto files once and gives out what the client needs of them: methods by path, and the encoding of single
 * messages that travel inside `google.protobuf.Any`.
 */
import {
  loadSync,
  type MessageTypeDefinition,
  type MethodDefinition,
  type PackageDefinition,
} from "@grpc/proto-loader";
import { join } from "node:path";
import { EngineError } from "../../base/errors.ts";

export type Method = MethodDefinition<object, object>;

const FILES = [
  "tasks",
  "containers",
  "snapshots",
  "content",
  "images",
  "diff",
  "leases",
  "events",
  "version",
  "runc-options",
] as const;

let loaded: PackageDefinition | undefined;

function definitions(): PackageDefinition {
  const folder = join(import.meta.dirname, "proto");
  loaded ??= loadSync(
    FILES.map((file) => `${file}.proto`),
    { includeDirs: [folder], keepCase: false, longs: String, enums: String, defaults: true },
  );
  return loaded;
}

/** Every method of every service, by "/package.Service/Name". */
export function methodsOf(): ReadonlyMap<string, Method> {
  const methods = new Map<string, Method>();
  for (const definition of Object.values(definitions())) {
    if ("format" in definition) continue;
    for (const method of Object.values(definition)) methods.set(method.path, method);
  }
  return methods;
}

/** The bytes of one message, named as in "containerd.runc.v1.Options". */
export function encodeMessage(name: string, value: object): Uint8Array {
  return messageType(name).serialize(value);
}

/** The fields of one message. Throws what the decoder throws when the bytes are not that message. */
export function decodeMessage(name: string, bytes: Uint8Array): object {
  return messageType(name).deserialize(Buffer.from(bytes));
}

function messageType(name: string): MessageTypeDefinition<object, object> {
  const definition = definitions()[name];
  if (definition === undefined || !isMessage(definition)) {
    throw new EngineError("internal", `no message ${name} in our .proto files`);
  }
  return definition;
}

function isMessage(definition: PackageDefinition[string]): definition is MessageTypeDefinition<object, object> {
  return (
    "format" in definition && typeof definition.format === "string" && definition.format.includes("DescriptorProto")
  );
}
