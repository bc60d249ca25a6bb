/** Where the daemon listens: `unix:///run/causeway.sock`, `tcp://host:port`, as -H and DOCKER_HOST say it. */
import { CliFailure } from "../failure.ts";

export type Endpoint =
  | { readonly kind: "unix"; readonly text: string; readonly socketPath: string }
  | { readonly kind: "tcp"; readonly text: string; readonly host: string; readonly port: number };

export const DEFAULT_HOST = "unix:///run/causeway.sock";

/** The flag, else CAUSEWAY_HOST, else DOCKER_HOST, else the default socket. Throws CliFailure for what cannot be reached. */
export function chooseEndpoint(flag: string | undefined, environment: NodeJS.ProcessEnv): Endpoint {
  const candidates = [flag, environment["CAUSEWAY_HOST"], environment["DOCKER_HOST"]];
  return parseEndpoint(candidates.find((candidate) => candidate !== undefined && candidate !== "") ?? DEFAULT_HOST);
}

export function parseEndpoint(text: string): Endpoint {
  if (text.startsWith("unix://")) return { kind: "unix", text, socketPath: text.slice("unix://".length) };
  const match = /^(?:tcp|http):\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(text);
  const host = match?.[1]?.replace(/^\[|\]$/g, "");
  if (host === undefined) throw new CliFailure(`unable to parse docker host \`${text}\``);
  return { kind: "tcp", text, host, port: Number(match?.[2] ?? 2375) };
}
