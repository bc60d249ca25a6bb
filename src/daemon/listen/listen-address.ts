/**
 * Where the API listens, from `-H`: `unix://PATH`, `tcp://HOST:PORT`, `fd://` or `fd://NUMBER` (systemd). Defaults of parts
 * left out are dockerd's: ports 2375 and, with TLS, 2376.
 */
import { isLoopback, tryParseAddress } from "../../addr/ip-address.ts";
import { EngineError } from "../../base/errors.ts";

export type ListenAddress =
  | { readonly kind: "unix"; readonly path: string }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  /** Without a number: every socket that systemd hands over. */
  | { readonly kind: "fd"; readonly fd?: number };

/** sun_path holds 108 bytes with its closing zero (unix(7)). */
const MAX_SOCKET_PATH = 107;

/** Throws `invalid-argument` for what cannot be an address to listen on. */
export function parseListenAddress(text: string, tls: boolean): ListenAddress {
  const [scheme, rest] = split(text.trim());
  switch (scheme) {
    case "unix":
      return unixAddress(text, rest);
    case "tcp":
      return tcpAddress(text, rest, tls);
    case "fd":
      return fdAddress(text, rest);
    default:
      throw invalid(text);
  }
}

/** As dockerd prints it: "API listen on ..." */
export function formatListenAddress(address: ListenAddress): string {
  if (address.kind === "unix") return address.path;
  if (address.kind === "fd") return address.fd === undefined ? "fd://" : `fd://${address.fd}`;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** A TCP socket without verified clients gives root to whoever reaches it. */
export function refuseOpenTcp(
  addresses: readonly ListenAddress[],
  allowed: { readonly verified: boolean; readonly insecureLoopback: boolean },
): void {
  for (const address of addresses) {
    if (address.kind !== "tcp" || allowed.verified) continue;
    const ip = tryParseAddress(address.host);
    const local = address.host === "localhost" || (ip !== undefined && isLoopback(ip));
    if (local && allowed.insecureLoopback) continue;
    throw new EngineError(
      "invalid-argument",
      `tcp://${formatListenAddress(address)}: whoever reaches this socket is root on this machine. ` +
        "Use --tlsverify with --tlscacert, --tlscert and --tlskey" +
        (local ? ", or --insecure-tcp-loopback if every local user may be root" : ""),
    );
  }
}

function invalid(text: string): EngineError {
  return new EngineError(
    "invalid-argument",
    `invalid bind address (${text}): use unix://PATH, tcp://HOST:PORT or fd://`,
  );
}

function split(text: string): readonly [string, string] {
  const at = text.indexOf("://");
  if (at >= 0) return [text.slice(0, at), text.slice(at + 3)];
  return ["tcp", text];
}

function unixAddress(text: string, path: string): ListenAddress {
  if (path === "") return { kind: "unix", path: "/run/causeway.sock" };
  if (!path.startsWith("/")) throw invalid(text);
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH) {
    throw new EngineError("invalid-argument", `${text}: a socket's path has at most ${MAX_SOCKET_PATH} bytes`);
  }
  return { kind: "unix", path };
}

function tcpAddress(text: string, rest: string, tls: boolean): ListenAddress {
  const url = URL.parse(`tcp://${rest === "" ? "localhost" : rest.startsWith(":") ? `localhost${rest}` : rest}`);
  if (url === null || url.username !== "" || (url.pathname !== "" && url.pathname !== "/")) throw invalid(text);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return { kind: "tcp", host, port: url.port === "" ? (tls ? 2376 : 2375) : Number(url.port) };
}

function fdAddress(text: string, rest: string): ListenAddress {
  if (rest === "" || rest === "*") return { kind: "fd" };
  if (!/^\d{1,5}$/.test(rest)) throw invalid(text);
  return { kind: "fd", fd: Number(rest) };
}
