/**
 * The library's front door: the Container Network Model in a TypeScript program. `openController` gives the whole engine,
 * `openSandbox` a sandbox to run programs in; both are disposed of with `await using`. `Controller.open` takes parts of your
 * own instead of the built-in ones.
 */
export { formatAddress, parseAddress, type Family, type IpAddress } from "./addr/ip-address.ts";
export { formatMac, parseMac, type MacAddress } from "./addr/mac-address.ts";
export type { PortRange } from "./addr/port-range.ts";
export { formatPrefix, parsePrefix, type Prefix } from "./addr/prefix.ts";
export { systemClock, type Clock } from "./base/clock.ts";
export { EngineError, type ErrorCode } from "./base/errors.ts";
export { EventBus, type EngineEvent, type EventListener } from "./base/event-bus.ts";
export { silentLog, type Log } from "./base/log.ts";
export type {
  EndpointSpec,
  JoinedEndpoint,
  NetworkController,
  NetworkSpec,
  PoolSpec,
  PortExposure,
  PortRequest,
  SandboxLink,
  SandboxSpec,
  SandboxView,
} from "./controller/cnm.ts";
export { Controller } from "./controller/controller.ts";
export { AmbiguousNetworkError } from "./controller/find-network.ts";
export { openController, type OpenedController, type OpenOptions } from "./controller/open.ts";
export {
  DEFAULT_SETTINGS,
  type ControllerOptions,
  type DefaultBridgeSettings,
  type NetworkSettings,
} from "./controller/options.ts";
export {
  openSandbox,
  Sandbox,
  type NetworkWish,
  type SandboxHome,
  type SandboxOptions,
} from "./controller/sandbox-handle.ts";
export type { StartReport } from "./controller/start.ts";
export type { EndpointIntent, NetworkIntent, PoolIntent, PublishedPort } from "./drivers/intent.ts";
export type { RunOptions, RunResult } from "./kernel/kernel.ts";
export type { LinkStatistics } from "./kernel/observation.ts";
