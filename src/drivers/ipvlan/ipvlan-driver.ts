/** The ipvlan driver: containers share the parent's MAC and are told apart by their addresses. See `on-parent.ts`. */
import { EngineError } from "../../base/errors.ts";
import { HOST } from "../../kernel/facts.ts";
import type { Driver } from "../driver.ts";
import type { NetworkIntent } from "../intent.ts";
import { createOnParentDriver } from "../on-parent/on-parent.ts";
import { parentOf } from "../on-parent/parent.ts";

export const IPVLAN_OPTION = { mode: "ipvlan_mode", flag: "ipvlan_flag" } as const;

const DUMMY_PREFIX = "di-";

/**
 * "l2": they are on the parent's wire. "l3": the parent routes to them, and answers no ARP for them: the outside needs a route. "l3s":
 * the same, and the host's connection tracking sees their packets.
 */
const MODES = ["l2", "l3", "l3s"] as const;

/** Whether they reach each other: "bridge", directly; "private", not; "vepa", by way of the outside. */
const FLAGS = ["bridge", "private", "vepa"] as const;

interface IpvlanOptions {
  readonly mode: (typeof MODES)[number];
  readonly flag: (typeof FLAGS)[number];
}

export function createIpvlanDriver(): Driver {
  return createOnParentDriver({
    name: "ipvlan",
    dummyPrefix: DUMMY_PREFIX,
    sharesMac: true,
    parse: parseOptions,
    checkShared,
    device: ({ mode, flag }, parent) => ({ type: "ipvlan", parent, parentNamespace: HOST, mode, flag }),
    isRouted: ({ mode }) => mode !== "l2",
  });
}

function parseOptions({ options }: NetworkIntent): IpvlanOptions {
  const modeText = options[IPVLAN_OPTION.mode] || "l2";
  const mode = MODES.find((each) => each === modeText);
  if (mode === undefined)
    throw new EngineError(
      "internal",
      `requested ipvlan mode '${modeText}' is not valid, 'l2' mode is the ipvlan driver default`,
    );
  const flagText = options[IPVLAN_OPTION.flag] || "bridge";
  const flag = FLAGS.find((each) => each === flagText);
  if (flag === undefined)
    throw new EngineError(
      "internal",
      `requested ipvlan flag '${flagText}' is not valid, 'bridge' is the ipvlan driver default`,
    );
  return { mode, flag };
}

/** All that is on one parent has one mode. Docker names the network by the parent that it might have had. */
function checkShared(_network: NetworkIntent, other: NetworkIntent, parent: string): void {
  const name = parentOf({ ...other, options: {} }, DUMMY_PREFIX);
  throw new EngineError("internal", `network ${name} is already using parent interface ${parent}`);
}
