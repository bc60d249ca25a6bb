/**
 * Where a plugin listens, found by its name as dockerd finds it: a socket of that name, else a `.spec` file with one URL or a
 * `.json` file with an address and TLS files. Looked up anew for each connection, so that a plugin that restarted elsewhere is
 * found again. Nothing is remembered.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../../base/errors.ts";
import { RecordError } from "../../store/record-reader.ts";
import { WireReader } from "./protocol/wire-reader.ts";

export type PluginAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls?: PluginTls };

/** Files are absolute paths, PEM. */
export interface PluginTls {
  readonly verify: boolean;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** Absolute paths. */
export interface PluginDirectories {
  readonly sockets: string;
  /** In this order. */
  readonly specs: readonly string[];
}

export const PLUGIN_DIRECTORIES: PluginDirectories = {
  sockets: "/run/docker/plugins",
  specs: ["/etc/docker/plugins", "/usr/lib/docker/plugins"],
};

/** A specification is a line or a few. */
const MAX_SPEC_BYTES = 64 * 1024;

/** Undefined when nobody of that name is there. Throws `invalid-argument` for a file that says no address. */
export async function findPlugin(name: string, directories: PluginDirectories): Promise<PluginAddress | undefined> {
  if (!isPluginName(name)) return undefined;
  for (const path of candidates(directories.sockets, name, ".sock")) {
    if (await isSocket(path)) return { kind: "unix", path };
  }
  for (const directory of directories.specs) {
    for (const extension of [".spec", ".json"] as const) {
      for (const path of candidates(directory, name, extension)) {
        const text = await readSpec(path);
        if (text !== undefined) return extension === ".json" ? parseJson(text, path) : parseUrl(text.trim(), path);
      }
    }
  }
  return undefined;
}

/** A name is part of a path, and must not lead out of its directory. */
function isPluginName(name: string): boolean {
  return /^[^/\0]+$/.test(name) && name !== "." && name !== "..";
}

function candidates(directory: string, name: string, extension: string): readonly string[] {
  return [join(directory, `${name}${extension}`), join(directory, name, `${name}${extension}`)];
}

async function isSocket(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isSocket(),
    () => false,
  );
}

async function readSpec(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || !found.isFile()) return undefined;
  if (found.size > MAX_SPEC_BYTES) throw wrong(path, `more than ${MAX_SPEC_BYTES} bytes`);
  return readFile(path, "utf8");
}

function parseJson(text: string, path: string): PluginAddress {
  try {
    const document = WireReader.parse(text, "specification");
    const tls = document.field("TLSConfig").optional((reader): PluginTls => {
      const [caFile, certFile, keyFile] = ["CAFile", "CertFile", "KeyFile"].map((key) => reader.field(key).text());
      return {
        verify: Boolean(caFile) && !reader.field("InsecureSkipVerify").flag(),
        ...(caFile ? { caFile } : {}),
        ...(certFile ? { certFile } : {}),
        ...(keyFile ? { keyFile } : {}),
      };
    });
    return parseUrl(document.field("Addr").text(), path, tls);
  } catch (cause) {
    if (cause instanceof RecordError) throw wrong(path, cause.message);
    throw cause;
  }
}

/** As dockerd: only `https` is TLS, and without a CA nobody's certificate is checked. */
function parseUrl(text: string, path: string, tls: PluginTls = { verify: false }): PluginAddress {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) throw wrong(path, "Unknown protocol");
  if (scheme === "unix") return { kind: "unix", path: text.slice("unix://".length) };
  const url = URL.parse(text.replace(/^[^:]+/, scheme === "https" ? "https" : "http"));
  if (url === null || url.hostname === "") throw wrong(path, `no address: ${JSON.stringify(text)}`);
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
  return { kind: "tcp", host, port, ...(scheme === "https" ? { tls } : {}) };
}

function wrong(path: string, why: string): EngineError {
  return new EngineError("invalid-argument", `${path}: ${why}`);
}

export function formatPluginAddress(address: PluginAddress): string {
  return address.kind === "unix" ? address.path : `${address.host}:${address.port}`;
}
