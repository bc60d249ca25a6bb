/**
 * The two JSON documents of an image: its config and its manifest (OCI image-spec v1.1), written and read. What is read may
 * come from anywhere, so every field is checked before it is believed.
 */
import { formatTimeNs } from "../../base/clock.ts";
import { EngineError } from "../../base/errors.ts";
import { present } from "../../store/record-reader.ts";
import type { Json } from "../../store/store.ts";
import type { Descriptor } from "../containerd/messages.ts";
import type { ImageConfig } from "../image.ts";

export const MEDIA_TYPES = {
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
} as const;

/** What an image is made of; the rest is where and when. */
export interface NewImage {
  readonly comment: string;
  /** Who made it; left out for nobody in particular. */
  readonly author?: string;
  /** The program that made the topmost layer. */
  readonly createdBy?: string;
  readonly config: ImageConfig;
  /** Digests of the unpacked layers, lowest first. */
  readonly diffIds: readonly string[];
  /** How the layers below came about, as the image below says it: passed on unread, never given back. */
  readonly history?: readonly Json[];
}

export interface ImageDocument extends NewImage {
  readonly architecture: string;
  readonly os: string;
  readonly createdNs: bigint;
}

/** The bytes of the config document; their digest is the image's id. */
export function encodeConfig(document: ImageDocument): Uint8Array {
  const created = formatTimeNs(document.createdNs);
  const author = document.author === "" ? undefined : document.author;
  const { comment, createdBy } = document;
  return encode({
    created,
    author,
    architecture: document.architecture,
    os: document.os,
    config: configObject(document.config),
    rootfs: { type: "layers", diff_ids: document.diffIds },
    history: [...(document.history ?? []), { created, created_by: createdBy, author, comment }],
  });
}

function configObject(config: ImageConfig): Json {
  const set = (values: readonly string[] | undefined): Json | undefined =>
    values && Object.fromEntries(values.map((value) => [value, {}]));
  return present({
    User: config.user,
    ExposedPorts: set(config.exposedPorts),
    Env: config.environment,
    Entrypoint: config.entrypoint,
    Cmd: config.command,
    Volumes: set(config.volumes),
    WorkingDir: config.workingDirectory,
    Labels: config.labels,
    StopSignal: config.stopSignal,
    OnBuild: config.onBuild,
  });
}

export function encodeManifest(config: Descriptor, layers: readonly Descriptor[]): Uint8Array {
  const descriptor = ({ mediaType, digest, size }: Descriptor): Json => ({ mediaType, digest, size: Number(size) });
  return encode({
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.manifest,
    config: descriptor(config),
    layers: layers.map(descriptor),
  });
}

/** How an image's layers came about, as its config says it. */
export function historyOf(config: Uint8Array): readonly Json[] {
  const history = member(parse(config), "history");
  return Array.isArray(history) ? history : [];
}

/** The layers that a manifest names, lowest first. */
export function layersOf(manifest: Uint8Array): readonly Descriptor[] {
  const layers = member(parse(manifest), "layers");
  return (Array.isArray(layers) ? layers : []).map((layer) => {
    const [mediaType, digest, size] = [
      text(member(layer, "mediaType")),
      text(member(layer, "digest")),
      member(layer, "size"),
    ];
    if (mediaType !== undefined && digest !== undefined && typeof size === "number") return { mediaType, digest, size };
    throw new EngineError("internal", "image manifest with a layer that is none");
  });
}

/** The digest of the config that a manifest names. */
export function configDigestOf(manifest: Uint8Array): string {
  const digest = text(member(member(parse(manifest), "config"), "digest"));
  if (digest === undefined) throw new EngineError("internal", "image manifest without a config");
  return digest;
}

export function decodeConfig(bytes: Uint8Array): ImageDocument {
  const root = parse(bytes);
  const config = member(root, "config");
  const history = member(root, "history");
  const last = Array.isArray(history) ? history.at(-1) : undefined;
  const author = text(member(root, "author"));
  return {
    ...(author === undefined ? {} : { author }),
    architecture: text(member(root, "architecture")) ?? "",
    os: text(member(root, "os")) ?? "linux",
    createdNs: parseTime(text(member(root, "created"))),
    comment: text(member(last, "comment")) ?? "",
    config: decodeInnerConfig(config),
    diffIds: texts(member(member(root, "rootfs"), "diff_ids")) ?? [],
  };
}

function decodeInnerConfig(config: Json | undefined): ImageConfig {
  return present({
    user: text(member(config, "User")),
    exposedPorts: keys(member(config, "ExposedPorts")),
    environment: texts(member(config, "Env")),
    entrypoint: texts(member(config, "Entrypoint")),
    command: texts(member(config, "Cmd")),
    volumes: keys(member(config, "Volumes")),
    workingDirectory: text(member(config, "WorkingDir")),
    labels: textMap(member(config, "Labels")),
    stopSignal: text(member(config, "StopSignal")),
    onBuild: texts(member(config, "OnBuild")),
  });
}

function encode(document: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(document));
}

function parse(bytes: Uint8Array): Json {
  try {
    const value: Json = JSON.parse(Buffer.from(bytes).toString("utf8"));
    return value;
  } catch (cause) {
    throw new EngineError("internal", "image document is not JSON", { cause });
  }
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function member(value: Json | undefined, key: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

function text(value: Json | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function texts(value: Json | undefined): readonly string[] | undefined {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : undefined;
}

function keys(value: Json | undefined): readonly string[] | undefined {
  return isObject(value) ? Object.keys(value) : undefined;
}

function textMap(value: Json | undefined): Readonly<Record<string, string>> | undefined {
  if (!isObject(value)) return undefined;
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

function parseTime(time: string | undefined): bigint {
  const ms = time === undefined ? Number.NaN : Date.parse(time);
  if (Number.isNaN(ms)) return 0n;
  const fraction = /\.(\d{1,9})/.exec(time ?? "")?.[1] ?? "0";
  return BigInt(Math.floor(ms / 1000)) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}
