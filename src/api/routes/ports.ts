/**
 * `GET /causeway/ports`: each published port with who can really reach it. Ours, not Docker's: its path says so, and like all
 * paths it may carry an API version.
 */
import { formatAddress } from "../../addr/ip-address.ts";
import type { PortRange } from "../../addr/port-range.ts";
import type { PortExposure } from "../../controller/cnm.ts";
import { describeReach } from "../../ports/exposure/exposure.ts";
import type { ApiApp } from "../api-app.ts";
import type { ApiContext } from "../api-context.ts";

export function portRoutes(app: ApiApp, { engine }: ApiContext): void {
  app.get("/causeway/ports", async () => (await engine.networks.exposures()).map(exposureView));
}

function exposureView(exposure: PortExposure) {
  const { hostPorts, containerPorts, reach } = exposure;
  return {
    Container: { Id: exposure.containerId, Name: exposure.name },
    Network: exposure.networkName,
    Protocol: exposure.protocol,
    HostIp: hostPorts === undefined ? "" : formatAddress(exposure.hostAddress),
    HostPorts: hostPorts === undefined ? null : rangeView(hostPorts),
    ContainerIp: formatAddress(exposure.containerAddress),
    ContainerPorts: rangeView(containerPorts),
    By: exposure.by,
    Reach: reach.who,
    ReachedBy: describeReach(reach),
    Warnings: exposure.warnings,
  };
}

function rangeView({ first, last }: PortRange) {
  return { First: first, Last: last };
}
