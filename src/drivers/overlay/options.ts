/**
 * Driver options of overlay networks (`docker network create -d overlay -o KEY=VALUE`), with the texts of Docker's overlay
 * driver (libnetwork `drivers/overlay/ov_network.go`). Keys that the driver does not know are ignored, as Docker ignores them.
 */
import { EngineError } from "../../base/errors.ts";
import { parseGoInt } from "../go-parsing.ts";

export const OPTION = {
  mtu: "com.docker.network.driver.mtu",
  vxlanIds: "com.docker.network.driver.overlay.vxlanid_list",
  hostMode: "com.docker.network.driver.overlay.hostmode",
  encrypted: "encrypted",
} as const;

/** RFC 7348: 24 bits. */
const MAX_VXLAN_ID = 2 ** 24 - 1;

type Labels = Readonly<Record<string, string>>;

export interface OverlayOptions {
  /** Of the underlay, in bytes; containers have what the tunnel leaves of it. Undefined: the daemon's default. */
  readonly mtu: number | undefined;
  /** VXLAN network identifiers, one per subnet, in order; empty: the cluster draws them. */
  readonly vxlanIds: readonly number[];
}

/** Throws `invalid-argument` on a malformed value, and `forbidden` where something is asked that we do not do. */
export function parseOverlayOptions(labels: Labels): OverlayOptions {
  if (labels[OPTION.encrypted] !== undefined) throw encryptionRefused();
  if (labels[OPTION.hostMode] !== undefined)
    throw new EngineError(
      "forbidden",
      `${OPTION.hostMode}: overlay networks live in namespaces of their own here, never in the host's; leave the option out`,
    );
  return { mtu: parseMtu(labels[OPTION.mtu]), vxlanIds: parseVxlanIds(labels[OPTION.vxlanIds]) };
}

/** Docker refuses too, with this sentence, but only when the first container joins: its keys came from swarm mode. */
function encryptionRefused(): EngineError {
  return new EngineError("forbidden", "cannot join secure network: encryption keys not present");
}

function parseMtu(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  try {
    const mtu = parseGoInt(text);
    if (mtu < 0) throw new EngineError("invalid-argument", `invalid MTU value: ${mtu}`);
    return mtu === 0 ? undefined : mtu;
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new EngineError("invalid-argument", `failed to parse ${text}: ${cause.message}`, { cause });
  }
}

function parseVxlanIds(text: string | undefined): readonly number[] {
  if (text === undefined || text === "") return [];
  const ids = text.split(",").map((part) => {
    const id = /^\d{1,8}$/.test(part) ? Number(part) : 0;
    if (id < 1 || id > MAX_VXLAN_ID)
      throw new EngineError("invalid-argument", `invalid vxlan id value ${JSON.stringify(part)} passed`);
    return id;
  });
  if (new Set(ids).size < ids.length)
    throw new EngineError(
      "invalid-argument",
      `${OPTION.vxlanIds}: a vxlan id is named twice in ${JSON.stringify(text)}`,
    );
  return ids;
}
