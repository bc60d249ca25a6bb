/** The model as others see it: immutable views made of intents. */
import { EtcFiles } from "../sandbox/etc-files.ts";
import type { SandboxView } from "./cnm.ts";
import { joinsOf, sandboxPath } from "./desired.ts";
import { isGatewayEndpoint } from "./gateway-endpoint.ts";
import type { SandboxIntent } from "./sandbox-intent.ts";
import type { World } from "./world.ts";

/** Endpoints come in gateway order: the first gives the default route. */
export function sandboxView(world: World, sandbox: SandboxIntent): SandboxView {
  const paths = EtcFiles.paths(sandbox.filesDirectory);
  return {
    id: sandbox.id,
    containerId: sandbox.containerId,
    key: sandboxPath(world, sandbox),
    hostNamespace: sandbox.hostNamespace,
    hostsPath: paths.hosts,
    hostnamePath: paths.hostname,
    resolvConfPath: paths.resolvConf,
    endpoints: joinsOf(world, sandbox.id).map((join) => {
      const { endpoint, network, gateways } = join;
      return { endpoint, network, gateways, automatic: isGatewayEndpoint(join) };
    }),
  };
}
