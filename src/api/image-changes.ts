/**
 * `--change` of docker import and commit: Dockerfile instructions that set an image's config (Dockerfile reference; moby
 * `builder/dockerfile`). CMD and ENTRYPOINT take the exec form (JSON) or the shell form.
 */
import { EngineError } from "../base/errors.ts";
import type { ImageConfig } from "../engine/image.ts";
import { mergeEnvironment } from "../engine/oci/container-config.ts";

type Change = (config: ImageConfig, argument: string) => ImageConfig;

const CHANGES: Readonly<Record<string, Change>> = {
  cmd: (config, argument) => ({ ...config, command: programOf(argument) }),
  entrypoint: (config, argument) => ({ ...config, entrypoint: programOf(argument) }),
  env: (config, argument) => ({
    ...config,
    environment: mergeEnvironment(
      config.environment ?? [],
      pairsOf("ENV", argument).map(([key, value]) => `${key}=${value}`),
    ),
  }),
  expose: (config, argument) => ({
    ...config,
    exposedPorts: [...new Set([...(config.exposedPorts ?? []), ...wordsOf(argument).map(portOf)])],
  }),
  label: (config, argument) => ({
    ...config,
    labels: { ...config.labels, ...Object.fromEntries(pairsOf("LABEL", argument)) },
  }),
  onbuild: (config, argument) => ({ ...config, onBuild: [...(config.onBuild ?? []), argument] }),
  stopsignal: (config, argument) => ({ ...config, stopSignal: argument }),
  user: (config, argument) => ({ ...config, user: argument }),
  volume: (config, argument) => ({
    ...config,
    volumes: [...(config.volumes ?? []), ...(jsonWords(argument) ?? wordsOf(argument))],
  }),
  workdir: (config, argument) => ({ ...config, workingDirectory: argument }),
};

/** The config that the instructions make, in order. Throws `invalid-argument`. */
export function parseChanges(changes: readonly string[]): ImageConfig {
  return applyChanges({}, changes);
}

/** The config as the instructions change it, in order. Throws `invalid-argument`. */
export function applyChanges(config: ImageConfig, changes: readonly string[]): ImageConfig {
  const lines = changes.flatMap((change) => change.split("\n")).filter((line) => line.trim() !== "");
  return lines.reduce(applyChange, config);
}

function applyChange(config: ImageConfig, line: string): ImageConfig {
  const [, name = "", argument = ""] = /^\s*(\S+)\s*(.*?)\s*$/s.exec(line) ?? [];
  const key = name.toLowerCase();
  const change = Object.hasOwn(CHANGES, key) ? CHANGES[key] : undefined;
  if (change === undefined) throw new EngineError("invalid-argument", `${key} is not a valid change command`);
  if (argument === "")
    throw new EngineError("invalid-argument", `${name.toUpperCase()} requires at least one argument`);
  return change(config, argument);
}

function programOf(argument: string): readonly string[] {
  return jsonWords(argument) ?? ["/bin/sh", "-c", argument];
}

/** A JSON list of strings; undefined when the text is none. */
function jsonWords(argument: string): readonly string[] | undefined {
  if (!argument.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(argument);
    return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined;
  } catch {
    return undefined;
  }
}

/** `KEY=value KEY2="two words"`, or the old `KEY rest of line`. */
function pairsOf(instruction: string, argument: string): readonly (readonly [string, string])[] {
  const words = wordsOf(argument);
  if (words[0]?.includes("=") !== true) {
    const [, key = "", value] = /^(\S+)\s+(.*)$/s.exec(argument) ?? [];
    if (value === undefined) throw new EngineError("invalid-argument", `${instruction} must have two arguments`);
    return [[key, value]];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals > 0) return [word.slice(0, equals), word.slice(equals + 1)] as const;
    const fault = `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`;
    throw new EngineError("invalid-argument", fault);
  });
}

/** Words apart by spaces; quotes and backslashes keep spaces in a word. */
function wordsOf(argument: string): readonly string[] {
  const words = argument.match(/(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])+/gs) ?? [];
  return words.map((word) =>
    word.replace(/"((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)/gs, (_all, double?: string, single?: string, escaped?: string) =>
      double === undefined ? (single ?? escaped ?? "") : double.replace(/\\(["\\$])/g, "$1"),
    ),
  );
}

function portOf(word: string): string {
  const match = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/i.exec(word);
  if (match === null) throw new EngineError("invalid-argument", `Invalid containerPort: ${word}`);
  return `${match[1]}/${(match[2] ?? "tcp").toLowerCase()}`;
}
