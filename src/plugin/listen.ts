/**
 * Where a plugin listens, and how daemons find it there (moby `pkg/plugins/discovery.go`): a unix socket whose name is the
 * plugin's, or a TCP port with a file that names it. What is made here is removed when the plugin stops.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { isLoopback, tryParseAddress } from "../addr/ip-address.ts";
import { EngineError } from "../base/errors.ts";
import { removeStaleSocket } from "../base/socket-file.ts";

export interface UnixPlace {
  /** Absolute, at most 107 bytes. Daemons look in /run/docker/plugins, for NAME.sock or NAME/NAME.sock. */
  readonly socketPath: string;
}

export interface TcpPlace {
  /** An IP address; without TLS only a loopback one, as whoever reaches the plugin commands it. */
  readonly host: string;
  /** 0 or absent: any free one. */
  readonly port?: number;
  readonly tls?: TlsServerOptions;
  /** Files that daemons present themselves with; they are named in the specification, and must be readable by them. */
  readonly clientTls?: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
  /** Where NAME.spec, or with TLS NAME.json, is written: /etc/docker/plugins when left out. */
  readonly specDirectory?: string;
}

/** PEM texts. Clients without a certificate of `ca` are refused. */
export interface TlsServerOptions {
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
}

/** A plugin that listens. Disposing stops it, lets calls end for up to 5 s, and removes its socket or specification. */
export interface ServedPlugin extends AsyncDisposable {
  /** "unix:///run/docker/plugins/mine.sock", "tcp://127.0.0.1:41234", or "https://...". */
  readonly address: string;
}

export interface PluginServer {
  create(tls?: TlsServerOptions): Server;
}

const CLOSE_GRACE_MS = 5_000;
const SPEC_DIRECTORY = "/etc/docker/plugins";

export async function listen(server: PluginServer, name: string, place: UnixPlace | TcpPlace): Promise<ServedPlugin> {
  return "socketPath" in place ? onSocket(server, place) : onPort(server, name, place);
}

async function onSocket(server: PluginServer, { socketPath }: UnixPlace): Promise<ServedPlugin> {
  await removeStaleSocket(
    socketPath,
    `another plugin listens on ${socketPath}; stop it, or give this one another name`,
  );
  await mkdir(dirname(socketPath), { recursive: true });
  const http = server.create();
  // The file is made inside listen: the mask leaves no moment in which others than root may connect.
  const before = process.umask(0o177);
  try {
    http.listen(socketPath);
  } finally {
    process.umask(before);
  }
  await listening(http);
  return { address: `unix://${socketPath}`, [Symbol.asyncDispose]: async () => close(http) };
}

async function onPort(server: PluginServer, name: string, place: TcpPlace): Promise<ServedPlugin> {
  const { host, port = 0, tls, specDirectory = SPEC_DIRECTORY } = place;
  const ip = tryParseAddress(host);
  if (ip === undefined) throw new EngineError("invalid-argument", `invalid address to listen on: ${host}`);
  if (tls === undefined && !isLoopback(ip))
    throw new EngineError(
      "invalid-argument",
      `${host} is not a loopback address: give TLS files, or listen on 127.0.0.1`,
    );
  const http = server.create(tls);
  http.listen({ host, port });
  await listening(http);
  const at = `${ip.family === 6 ? `[${host}]` : host}:${boundPort(http)}`;
  const address = `${tls === undefined ? "tcp" : "https"}://${at}`;
  const file = join(specDirectory, `${name}.${tls === undefined ? "spec" : "json"}`);
  try {
    await mkdir(specDirectory, { recursive: true });
    await writeFile(file, specification(name, address, place), { mode: 0o644 });
  } catch (cause) {
    await close(http);
    throw EngineError.wrap(cause, `write ${file}`);
  }
  return {
    address,
    [Symbol.asyncDispose]: async () => {
      await rm(file, { force: true });
      await close(http);
    },
  };
}

function specification(name: string, address: string, { tls, clientTls }: TcpPlace): string {
  if (tls === undefined) return `${address}\n`;
  const TLSConfig = clientTls && {
    InsecureSkipVerify: false,
    CAFile: clientTls.caFile,
    CertFile: clientTls.certFile,
    KeyFile: clientTls.keyFile,
  };
  return `${JSON.stringify({ Name: name, Addr: address, TLSConfig }, undefined, 2)}\n`;
}

function boundPort(http: Server): number {
  const address: AddressInfo | string | null = http.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function listening(http: Server): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  http.once("listening", resolve).once("error", reject);
  await promise;
  http.off("error", reject);
}

/** Node removes the socket's file with the server. */
async function close(http: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  http.close(() => resolve());
  const timer = setTimeout(() => http.closeAllConnections(), CLOSE_GRACE_MS);
  await promise;
  clearTimeout(timer);
}
