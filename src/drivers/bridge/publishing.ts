/**
 * How a bridge network publishes ports: by translation from the host's ports, at the container's own address (routed mode), or
 * not at all (internal networks). Pure.
 */
import { isLoopback, isUnspecified, type Family } from "../../addr/ip-address.ts";
import type { Publishing } from "../driver.ts";
import type { EndpointIntent, PublishedPort } from "../intent.ts";
import type { BridgeConfig } from "./config.ts";

export function publishing(config: BridgeConfig): Publishing {
  return {
    modes: { 4: publishingMode(config, 4), 6: publishingMode(config, 6) },
    ...(config.hostBinding === undefined ? {} : { defaultHostAddress: config.hostBinding }),
  };
}

export function publishingMode(config: BridgeConfig, family: Family): Publishing["modes"][Family] {
  const mode = config.families.find((each) => each.family === family)?.gatewayMode;
  if (config.internal || mode === undefined || mode === "isolated") return "none";
  return mode === "routed" ? "direct" : "translated";
}

/** Whether ports of the host lead to the endpoint by translation. */
export function publishesTranslated(config: BridgeConfig, endpoint: EndpointIntent): boolean {
  return endpoint.ports.some((port) => isTranslated(config, endpoint, port));
}

/** Whether 127.0.0.1 is one of the addresses that do. */
export function publishesFromLoopback(config: BridgeConfig, endpoint: EndpointIntent): boolean {
  return endpoint.ports.some(
    (port) =>
      port.hostAddress.family === 4 &&
      (isUnspecified(port.hostAddress) || isLoopback(port.hostAddress)) &&
      isTranslated(config, endpoint, port),
  );
}

/** A port of another family than the container's is the proxy's. */
function isTranslated(
  config: BridgeConfig,
  endpoint: EndpointIntent,
  { hostAddress, hostPorts }: PublishedPort,
): boolean {
  const { family } = hostAddress;
  const hasAddress = endpoint.addresses.some(({ address }) => address.family === family);
  return hasAddress && hostPorts !== undefined && publishingMode(config, family) === "translated";
}
