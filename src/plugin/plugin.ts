/**
 * The plugin kit, `causeway/plugin`: a network driver or an IPAM driver of one's own as a few functions over values, served to
 * dockerd or causewayd by the remote driver protocol (libnetwork `docs/remote.md`, `docs/ipam.md`, moby `pkg/plugins`).
 *
 *     await using plugin = await servePlugin({ name: "mine", networkDriver: { createNetwork: ... } });
 *
 * Then `docker network create -d mine NAME`. `examples/plugin-ptp` is one that works.
 */
import { EngineError } from "../base/errors.ts";
import { silentLog, type Log } from "../base/log.ts";
import { ACTIVATE, IPAM_DRIVER_INTERFACE, NETWORK_DRIVER_INTERFACE } from "../drivers/remote/protocol/protocol.ts";
import type { IpamDriverHandlers } from "./ipam-driver.ts";
import { listen, type ServedPlugin, type TcpPlace, type UnixPlace } from "./listen.ts";
import { method, type Method } from "./method.ts";
import type { NetworkDriverHandlers } from "./network-driver.ts";
import { createPluginServer } from "./plugin-server.ts";
import { ipamDriverMethods } from "./serve-ipam-driver.ts";
import { networkDriverMethods } from "./serve-network-driver.ts";

export { formatAddress, parseAddress, type IpAddress } from "../addr/ip-address.ts";
export { formatMac, parseMac, type MacAddress } from "../addr/mac-address.ts";
export { formatPrefix, parsePrefix, type Prefix } from "../addr/prefix.ts";
export type * from "./ipam-driver.ts";
export type * from "./network-driver.ts";
export type { ServedPlugin, TcpPlace, TlsServerOptions, UnixPlace } from "./listen.ts";

export interface PluginOptions {
  /** As in `docker network create -d NAME`: letters, digits, `_`, `.` and `-`. */
  readonly name: string;
  readonly networkDriver?: NetworkDriverHandlers;
  readonly ipamDriver?: IpamDriverHandlers;
  /** The unix socket `/run/docker/plugins/NAME.sock` when left out. */
  readonly listen?: UnixPlace | TcpPlace;
  /** Milliseconds that a handler may take (60,000); what takes longer is told to the daemon as failed, as it waits forever. */
  readonly handlerTimeoutMs?: number;
  /** Told of every call that failed. */
  readonly log?: Log;
}

const HANDLER_TIMEOUT_MS = 60_000;

/**
 * Serves the drivers until disposed. Resolves once daemons can find the plugin. Throws `invalid-argument` for a name that no
 * plugin can have or a plugin without a driver, `conflict` where another process answers on the socket.
 */
export async function servePlugin(options: PluginOptions): Promise<ServedPlugin> {
  const { name, handlerTimeoutMs = HANDLER_TIMEOUT_MS, log = silentLog } = options;
  if (!/^\w[\w.-]{0,63}$/.test(name))
    throw new EngineError("invalid-argument", `invalid plugin name ${JSON.stringify(name)}`);
  const place = options.listen ?? { socketPath: `/run/docker/plugins/${name}.sock` };
  const server = createPluginServer(methods(options), { handlerTimeoutMs, log, name });
  return listen(server, name, place);
}

function methods({ name, networkDriver, ipamDriver }: PluginOptions): readonly Method[] {
  const Implements = [
    ...(networkDriver === undefined ? [] : [NETWORK_DRIVER_INTERFACE]),
    ...(ipamDriver === undefined ? [] : [IPAM_DRIVER_INTERFACE]),
  ];
  if (Implements.length === 0)
    throw new EngineError("invalid-argument", `plugin ${name} has neither a network driver nor an IPAM driver`);
  return [
    method(ACTIVATE, () => ({ Implements })),
    ...(networkDriver === undefined ? [] : networkDriverMethods(networkDriver)),
    ...(ipamDriver === undefined ? [] : ipamDriverMethods(name, ipamDriver)),
  ];
}
