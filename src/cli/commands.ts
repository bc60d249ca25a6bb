/** All commands, where they can be typed: at the top, and within their group. */
import type { CommandSpec, GroupSpec } from "./flags/command-spec.ts";
import { networkConnect, networkDisconnect, networkInspect, networkPrune, networkRemove } from "./network/actions.ts";
import { networkCreate } from "./network/create.ts";
import { networkList } from "./network/list.ts";

export const COMMANDS: readonly CommandSpec[] = [];

export const GROUPS: readonly GroupSpec[] = [
  {
    name: "network",
    summary: "Manage networks",
    commands: [
      networkConnect,
      networkCreate,
      networkDisconnect,
      networkInspect,
      networkList,
      networkPrune,
      networkRemove,
    ],
  },
];
