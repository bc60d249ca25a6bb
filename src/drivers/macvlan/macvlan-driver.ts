/** The macvlan driver: each container has a MAC of its own on the parent's wire. See `on-parent.ts`. */
import { EngineError } from "../../base/errors.ts";
import { HOST } from "../../kernel/facts.ts";
import type { Driver } from "../driver.ts";
import type { NetworkIntent } from "../intent.ts";
import { createOnParentDriver } from "../on-parent/on-parent.ts";

export const MACVLAN_MODE_OPTION = "macvlan_mode";

/**
 * "bridge": its containers reach each other directly. "private": they do not. "vepa": through the switch outside, if that turns frames
 * round. "passthru": one container has the parent to itself.
 */
const MODES = ["bridge", "private", "vepa", "passthru"] as const;
type Mode = (typeof MODES)[number];

export function createMacvlanDriver(): Driver {
  return createOnParentDriver({
    name: "macvlan",
    dummyPrefix: "dm-",
    sharesMac: false,
    parse: modeOf,
    checkShared,
    device: (mode, parent) => ({ type: "macvlan", parent, parentNamespace: HOST, mode }),
    isRouted: () => false,
  });
}

function modeOf({ options }: NetworkIntent): Mode {
  const text = options[MACVLAN_MODE_OPTION] || "bridge";
  const mode = MODES.find((each) => each === text);
  if (mode !== undefined) return mode;
  throw new EngineError(
    "internal",
    `requested macvlan mode '${text}' is not valid, 'bridge' mode is the macvlan driver default`,
  );
}

/** A parent may carry many networks, but not beside one in mode passthru. */
function checkShared(network: NetworkIntent, other: NetworkIntent, parent: string): void {
  if (modeOf(network) === "passthru")
    throw new EngineError(
      "internal",
      `cannot use mode passthru, macvlan network ${other.id} is already using parent interface ${parent}`,
    );
  if (modeOf(other) === "passthru")
    throw new EngineError(
      "internal",
      `macvlan network ${other.id} is already using parent interface ${parent} in mode passthru`,
    );
}
