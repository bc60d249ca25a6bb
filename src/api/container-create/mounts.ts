/**
 * Binds, Mounts and Volumes of a create request to mount specs, refused with dockerd's sentences (moby `volume/mounts`).
 * Only the shape is judged here, and that the source of a `--mount type=bind` exists.
 */
import { existsSync } from "node:fs";
import { posix } from "node:path";
import { EngineError } from "../../base/errors.ts";
import { newId } from "../../base/ids.ts";
import type { MountSpec } from "../../engine/container-spec.ts";
import type { ContainerCreateRequest, MountRequest } from "../schema/container-bodies.ts";

const PROPAGATIONS = ["private", "rprivate", "shared", "rshared", "slave", "rslave"];
const VOLUME_NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Throws `invalid-argument`. */
export function parseMounts(request: ContainerCreateRequest): readonly MountSpec[] {
  const binds = (request.HostConfig?.Binds ?? []).map(parseBind);
  const mounts = (request.HostConfig?.Mounts ?? []).map(parseMount);
  const seen = new Set<string>();
  for (const target of [...binds, ...mounts].map((mount) => mount.target)) {
    if (seen.has(target)) throw new EngineError("invalid-argument", `Duplicate mount point: ${target}`);
    seen.add(target);
  }
  const anonymous = (request.Volumes ?? []).map(parseVolumeTarget).filter((mount) => !seen.has(mount.target));
  return [...binds, ...mounts, ...anonymous];
}

/** `source:target[:mode,...]`; a source that is no path names a volume, a lone target is a volume with an id for a name. */
function parseBind(spec: string): MountSpec {
  const parts = spec.split(":");
  if (parts.length > 3 || parts.some((part) => part === "")) throw badSpec(spec);
  const [first = "", second, modes = ""] = parts;
  const source = second === undefined ? "" : first;
  const target = second ?? first;
  const type = source.startsWith("/") ? "bind" : "volume";
  requireAbsolute(target, (fault) => badSpec(spec, `invalid mount config for type "${type}": ${fault}`));
  if (source !== "" && type === "volume" && !VOLUME_NAME.test(source)) throw badVolumeName(source);
  return { type, source: source || newId(), target: posix.normalize(target), ...parseModes(modes, type) };
}

function parseModes(modes: string, type: "bind" | "volume"): Pick<MountSpec, "readOnly" | "propagation"> {
  const words = modes === "" ? [] : modes.split(",");
  const propagation = words.find((word) => PROPAGATIONS.includes(word));
  const known = ["ro", "rw", "z", "Z", "nocopy", "cached", "delegated", "consistent"];
  const bad = words.some((word) => !known.includes(word) && !PROPAGATIONS.includes(word));
  if (bad || (propagation !== undefined && type === "volume")) {
    throw new EngineError("invalid-argument", `invalid mode: ${modes}`);
  }
  return { readOnly: words.includes("ro"), ...(propagation === undefined ? {} : { propagation }) };
}

function parseMount(mount: MountRequest): MountSpec {
  const { Type: type = "", Source: source = "", Target: target = "" } = mount;
  const refuse = (fault: string): EngineError =>
    new EngineError("invalid-argument", `invalid mount config for type "${type}": ${fault}`);
  if (type !== "bind" && type !== "tmpfs" && type !== "volume") throw refuse("mount type unknown");
  if (target === "") throw refuse("field Target must not be empty");
  requireAbsolute(target, refuse);
  if (type === "bind") requireBindSource(mount, source, refuse);
  if (type === "tmpfs" && source !== "") throw refuse("field Source must not be specified");
  if (type === "volume" && source !== "" && !VOLUME_NAME.test(source)) throw badVolumeName(source);
  const propagation = mount.BindOptions?.Propagation ?? "";
  if (propagation !== "" && !PROPAGATIONS.includes(propagation))
    throw refuse(`invalid propagation mode: ${propagation}`);
  const spec: MountSpec = {
    type,
    source: type === "volume" ? source || newId() : source,
    target: posix.normalize(target),
    readOnly: mount.ReadOnly ?? false,
  };
  return propagation === "" ? spec : { ...spec, propagation };
}

function requireBindSource(mount: MountRequest, source: string, refuse: (fault: string) => EngineError): void {
  if (source === "") throw refuse("field Source must not be empty");
  if (!source.startsWith("/")) throw refuse(`invalid mount path: '${source}' mount path must be absolute`);
  if (mount.BindOptions?.CreateMountpoint === true || existsSync(source)) return;
  throw refuse(`bind source path does not exist: ${source}`);
}

function parseVolumeTarget(target: string): MountSpec {
  requireAbsolute(target, (fault) => badSpec(target, `invalid mount config for type "volume": ${fault}`));
  return { type: "volume", source: newId(), target: posix.normalize(target), readOnly: false };
}

/** Paths in the container to tmpfs options. Throws `invalid-argument`. */
export function parseTmpfs(tmpfs: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  for (const target of Object.keys(tmpfs ?? {})) {
    requireAbsolute(target, (fault) => new EngineError("invalid-argument", fault));
  }
  return tmpfs ?? {};
}

function requireAbsolute(target: string, refuse: (fault: string) => EngineError): void {
  if (!target.startsWith("/")) throw refuse(`invalid mount path: '${target}' mount path must be absolute`);
  if (posix.normalize(target) === "/") throw refuse("invalid specification: destination can't be '/'");
}

function badSpec(spec: string, why?: string): EngineError {
  return new EngineError(
    "invalid-argument",
    `invalid volume specification: '${spec}'${why === undefined ? "" : `: ${why}`}`,
  );
}

function badVolumeName(name: string): EngineError {
  const allowed = '"[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed';
  const mend = "If you intended to pass a host directory, use absolute path";
  const what = `create ${name}: "${name}" includes invalid characters for a local volume name, only ${allowed}. ${mend}`;
  return new EngineError("invalid-argument", what);
}
