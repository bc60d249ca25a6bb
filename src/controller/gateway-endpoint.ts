/**
 * Which endpoints are of the gateway network: ours to make and to drop, there for the way out alone. Nobody asked for them, so
 * they have no names, and users see them only where they look at the network itself.
 */
import { shortId } from "../base/ids.ts";
import type { EndpointIntent, NetworkIntent } from "../drivers/intent.ts";

/** Docker's name for it. */
export const GATEWAY_NETWORK = "docker_gwbridge";

export function gatewayEndpointName(sandboxId: string): string {
  return `gateway_${shortId(sandboxId)}`;
}

/** A container that a user put on the network itself has names there. */
export function isGatewayEndpoint({
  network,
  endpoint,
}: {
  readonly network: NetworkIntent;
  readonly endpoint: Pick<EndpointIntent, "name" | "dnsNames">;
}): boolean {
  return (
    network.name === GATEWAY_NETWORK && endpoint.dnsNames.length === 0 && /^gateway_[0-9a-f]{12}$/.test(endpoint.name)
  );
}
