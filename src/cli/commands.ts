/** All commands, where they can be typed: at the top, and within their group. */
import { attach, exec, logs, start } from "./container/exec.ts";
import { containerInspect } from "./container/inspect.ts";
import { kill, remove, rename, restart, stop } from "./container/lifecycle.ts";
import { containerList } from "./container/list.ts";
import { port } from "./container/port.ts";
import { create, run } from "./container/run.ts";
import type { CommandSpec, GroupSpec } from "./flags/command-spec.ts";
import { imageImport, imageInspect, imageList, imageRemove, imageTag } from "./image/images.ts";
import { networkConnect, networkDisconnect, networkInspect, networkPrune, networkRemove } from "./network/actions.ts";
import { networkCreate } from "./network/create.ts";
import { networkList } from "./network/list.ts";
import { events } from "./system/events.ts";
import { info } from "./system/info.ts";
import { inspect } from "./system/inspect.ts";
import { ports } from "./system/ports.ts";
import { version } from "./system/version.ts";

const CONTAINER_COMMANDS = [attach, create, exec, kill, logs, port, remove, rename, restart, run, start, stop];

const NETWORK_COMMANDS = [
  networkConnect,
  networkCreate,
  networkDisconnect,
  networkInspect,
  networkList,
  networkPrune,
  networkRemove,
];

function called(command: CommandSpec, name: string, aliases: readonly string[] = []): CommandSpec {
  return { ...command, name, aliases };
}

/** docker's short forms: `ps` for `container ls`, `images` for `image ls`, `rmi` for `image rm`. */
export const COMMANDS: readonly CommandSpec[] = [
  ...CONTAINER_COMMANDS.map((command) => called(command, command.name)),
  containerList,
  inspect,
  called(imageList, "images"),
  imageImport,
  called(imageRemove, "rmi"),
  imageTag,
  events,
  info,
  ports,
  version,
];

export const GROUPS: readonly GroupSpec[] = [
  { name: "network", summary: "Manage networks", commands: NETWORK_COMMANDS },
  {
    name: "container",
    summary: "Manage containers",
    commands: [...CONTAINER_COMMANDS, containerInspect, called(containerList, "ls", ["list", "ps"])],
  },
  {
    name: "image",
    summary: "Manage images",
    commands: [imageImport, imageInspect, imageList, imageRemove, imageTag],
  },
  { name: "system", summary: "Manage the daemon", commands: [events, info, ports] },
];
