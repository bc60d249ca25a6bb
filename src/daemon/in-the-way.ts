/**
 * What on this machine stands in our way before we change anything: a bridge called docker0 that is not ours, or a dockerd.
 * Both can live beside us, on a bridge of another name; choosing it is the user's business, so we say how and stop.
 */
import { existsSync } from "node:fs";
import { EngineError } from "../base/errors.ts";
import { answers } from "../base/socket-file.ts";
import { HOST, MARK } from "../kernel/facts.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { ObservedLink } from "../kernel/observation.ts";
import type { DaemonConfig } from "./config.ts";

/** Where dockerd listens unless told otherwise. */
const DOCKERD_SOCKET = "/run/docker.sock";

/** Throws `conflict` with the flags that help. Says nothing when the user chose the bridge, or none. */
export async function refuseIfInTheWay(kernel: Kernel, config: DaemonConfig): Promise<void> {
  const bridge = config.network.defaultBridge;
  if (bridge === undefined || config.bridgeChosen) return;
  const { links } = await kernel.observe(HOST);
  const foreign = foreignBridge(links, bridge.name);
  if (foreign !== undefined) throw new EngineError("conflict", `${foreign}; ${advice(config)}`);
  const listensThere = config.listen.some((one) => one.kind === "unix" && one.path === DOCKERD_SOCKET);
  if (listensThere || !existsSync(DOCKERD_SOCKET) || !(await answers(DOCKERD_SOCKET))) return;
  throw new EngineError("conflict", `a dockerd runs here (it answers on ${DOCKERD_SOCKET}); ${advice(config)}`);
}

/** Why the link of that name is not to be touched, or undefined. */
export function foreignBridge(links: readonly ObservedLink[], name: string): string | undefined {
  const link = links.find((one) => one.name === name);
  if (link === undefined || link.alias?.startsWith(MARK) === true) return undefined;
  return `the link ${name} exists and is not Causeway's (dockerd's, probably)`;
}

function advice(config: DaemonConfig): string {
  const name = config.network.defaultBridge?.name === "causeway0" ? "causeway1" : "causeway0";
  return (
    "stop it and remove the link, or run beside it on a bridge of another name: " +
    `ip link add ${name} type bridge && ip address add 172.30.0.1/16 dev ${name}, then start with ` +
    `--bridge ${name} (or --bridge none for no default network), and keep --bip, --default-address-pool, ` +
    "--data-root, --exec-root, --pidfile and -H apart from dockerd's"
  );
}
