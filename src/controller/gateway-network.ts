/**
 * The way out of containers whose networks offer none (overlay, some plugins): an endpoint on the local bridge network
 * `docker_gwbridge`, which gives the default route and publishes the ports. It comes with the first such network and goes as
 * soon as another endpoint offers a gateway (libnetwork `default_gateway.go`). The network is made when it is first needed and
 * kept; one that the user made under that name is used as it is.
 */
import { EngineError, messageOf } from "../base/errors.ts";
import type { Rollback } from "../base/rollback.ts";
import type { NetworkIntent } from "../drivers/intent.ts";
import { compareEndpoints } from "../sandbox/gateway.ts";
import { attempt } from "./attempt.ts";
import { joinsOf, type Join } from "./desired.ts";
import { draftEndpoints } from "./draft-endpoints.ts";
import { joinableNetwork } from "./endpoint-spec.ts";
import { GATEWAY_NETWORK, gatewayEndpointName, isGatewayEndpoint } from "./gateway-endpoint.ts";
import { createNetwork } from "./networks.ts";
import { plugIn, unplug } from "./plugging.ts";
import { networkKey, sandboxKey, type World } from "./world.ts";

/** As Docker makes it: containers do not reach each other through it. */
const OPTIONS = {
  "com.docker.network.bridge.name": GATEWAY_NETWORK,
  "com.docker.network.bridge.enable_icc": "false",
  "com.docker.network.bridge.enable_ip_masquerade": "true",
};

/** Whether somebody may be making or removing it at the moment. */
const GATEWAY_NETWORK_LOCK = "gateway network";

/** A sandbox's first endpoints, in gateway order, with the way out that they need. What plugins answer must be in them already. */
export async function withWayOut(
  world: World,
  sandboxId: string,
  drafts: readonly Join[],
  undo: Rollback,
): Promise<readonly Join[]> {
  if (!lacksWayOut(drafts)) return drafts;
  return [...drafts, await draftGateway(world, sandboxId, drafts, undo)].sort(compareEndpoints);
}

/** After an endpoint was added to a running sandbox: gives it a way out where it lacks one now. */
export async function giveWayOut(world: World, sandboxId: string, undo: Rollback): Promise<void> {
  if (!lacksWayOut(joinsOf(world, sandboxId))) return;
  await finishRemoval(world, sandboxId);
  const before = joinsOf(world, sandboxId);
  if (!before.some(isGatewayEndpoint)) await plugInGateway(world, sandboxId, { before, undo });
}

/**
 * Before an endpoint leaves a running sandbox: the way out that the others will need is there first, so that the ports move
 * and keep their numbers. Where it cannot be made that is said: nobody is kept on a network by it.
 */
export async function keepWayOut(world: World, sandboxId: string, leavingId: string): Promise<void> {
  if (world.registry.sandbox(sandboxId)?.phase !== "live") return;
  const rest = joinsOf(world, sandboxId).filter(({ endpoint }) => endpoint.id !== leavingId);
  if (!lacksWayOut(rest)) return;
  try {
    await finishRemoval(world, sandboxId);
    const before = joinsOf(world, sandboxId);
    if (before.some(isGatewayEndpoint)) return;
    await attempt(world.log, "give a container a way out", (undo) => plugInGateway(world, sandboxId, { before, undo }));
  } catch (cause) {
    world.log.error({ sandbox: sandboxId, err: cause }, messageOf(cause));
  }
}

/** After a change: the endpoint on the gateway network goes when nobody needs it. Failure is said; the next change tries again. */
export async function withoutIdleGateway(world: World, sandboxId: string): Promise<void> {
  const all = joinsOf(world, sandboxId);
  const leaving = all.find(isGatewayEndpoint);
  if (leaving === undefined || lacksWayOut(all)) return;
  try {
    world.registry.commit({ put: { endpoints: [{ intent: leaving.endpoint, phase: "removing" }] } });
    await finishRemoval(world, sandboxId);
  } catch (cause) {
    const doing = `endpoint ${leaving.endpoint.name} stays on ${GATEWAY_NETWORK} although nobody needs it`;
    world.log.warn({ sandbox: sandboxId, err: cause }, `${doing}: ${messageOf(cause)}`);
  }
}

/** At start-up: a daemon that ended in the middle of a change may have left one without its way out, or with one too many. */
export async function settleWaysOut(world: World): Promise<void> {
  for (const { intent: sandbox, phase } of world.registry.sandboxes()) {
    if (phase !== "live") continue;
    try {
      const joins = joinsOf(world, sandbox.id);
      if (lacksWayOut(joins) === joins.some(isGatewayEndpoint)) continue;
      await world.locks.run(sandboxKey(sandbox.id), async () => {
        await attempt(world.log, "give a container a way out", (undo) => giveWayOut(world, sandbox.id, undo));
        await withoutIdleGateway(world, sandbox.id);
      });
    } catch (cause) {
      world.log.error({ sandbox: sandbox.id, err: cause }, messageOf(cause));
    }
  }
}

/** Of one that was on its way out, perhaps since an earlier change whose kernel steps failed. */
async function finishRemoval(world: World, sandboxId: string): Promise<void> {
  const all = joinsOf(world, sandboxId);
  const leaving = all.find(isGatewayEndpoint);
  const sandbox = world.registry.sandbox(sandboxId)?.intent;
  if (leaving === undefined || sandbox === undefined) return;
  if (world.registry.endpoint(leaving.endpoint.id)?.phase === "removing")
    await unplug(world, sandbox, { all, leaving });
}

/** As libnetwork's `needDefaultGW`: only the way out over IPv4 counts, and one network that offers it is enough. */
function lacksWayOut(joins: readonly Join[]): boolean {
  const asked = joins.filter((join) => !isGatewayEndpoint(join) && !join.internal);
  return asked.some(({ info }) => info.wantsGatewayNetwork === true) && !asked.some(leadsOut);
}

function leadsOut({ info }: Join): boolean {
  const { gateways, routes, deviceRoutes = [] } = info;
  return (
    gateways.some(({ family }) => family === 4) ||
    deviceRoutes.includes(4) ||
    routes.some(({ destination }) => destination.length === 0 && destination.address.family === 4)
  );
}

interface Plugging {
  readonly before: readonly Join[];
  readonly undo: Rollback;
}

async function plugInGateway(world: World, sandboxId: string, { before, undo }: Plugging): Promise<void> {
  const sandbox = world.registry.sandbox(sandboxId)?.intent;
  if (sandbox === undefined) throw new EngineError("not-found", `sandbox ${sandboxId} not found`);
  const added = await draftGateway(world, sandboxId, before, undo);
  await plugIn(world, sandbox, { before, added, undo });
}

async function draftGateway(world: World, sandboxId: string, joined: readonly Join[], undo: Rollback): Promise<Join> {
  try {
    const network = await gatewayNetwork(world);
    const spec = { network: network.id, name: gatewayEndpointName(sandboxId), dnsNames: [] };
    const [draft] = await draftEndpoints(world, sandboxId, [{ network, spec }], { joined, undo });
    if (draft === undefined) throw new EngineError("internal", "no endpoint was made");
    return draft;
  } catch (cause) {
    const name = joined[0]?.endpoint.name ?? sandboxId;
    throw EngineError.wrap(cause, `give ${name} a way out through network ${GATEWAY_NETWORK}`);
  }
}

/** The network as it is, or a new one. Several containers may need it at once, and a user may be making it. */
async function gatewayNetwork(world: World): Promise<NetworkIntent> {
  return world.locks.run(GATEWAY_NETWORK_LOCK, async () => {
    const underway = world.registry.networkByName(GATEWAY_NETWORK);
    if (underway !== undefined && underway.phase !== "live") {
      await world.locks.run(networkKey(underway.intent.id), () => Promise.resolve());
    }
    const found = world.registry.networkByName(GATEWAY_NETWORK)?.intent;
    if (found !== undefined) return joinableNetwork(world, found.id);
    return createNetwork(world, { name: GATEWAY_NETWORK, driver: "bridge", enableIPv6: false, options: OPTIONS });
  });
}
