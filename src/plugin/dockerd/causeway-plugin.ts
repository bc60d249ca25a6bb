/**
 * Causeway as a plugin of dockerd, `causeway plugin`: `docker network create -d causeway --ipam-driver causeway` gives plain
 * Docker hosts networks that they share, through the cluster's store. It is the controller that the daemon has, whose
 * endpoints are lent to dockerd; only the protocol and what dockerd leaves unsaid are here.
 */
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { OpenedController } from "../../controller/open.ts";
import { servePlugin, type ServedPlugin } from "../plugin.ts";
import { letThrough } from "./bridge-network.ts";
import { Bindings } from "./bindings.ts";
import { leaveLate } from "./leave-shared.ts";
import { ContainerNames } from "./container-names.ts";
import { DockerApi } from "./docker-api.ts";
import { ipamHandlers, releaseStrayLeases } from "./ipam.ts";
import { networkHandlers } from "./network.ts";

export interface CausewayPluginOptions {
  /** Without a cluster there are only bridge networks. Stays the caller's. */
  readonly opened: OpenedController;
  /** Where dockerd finds the plugin; the file's name is the plugin's. */
  readonly socketPath: string;
  /** Where dockerd is asked for its containers' names. */
  readonly dockerSocket: string;
  readonly log: Log;
}

/** Resolves once dockerd can find it. */
export async function openCausewayPlugin(options: CausewayPluginOptions): Promise<ServedPlugin> {
  const { opened, socketPath, dockerSocket, log } = options;
  const { controller, store } = opened;
  await using parts = new AsyncDisposableStack();
  const names = parts.use(new ContainerNames({ lending: controller.lending, api: new DockerApi(dockerSocket), log }));
  names.open();
  const bindings = new Bindings(store, log);
  await takeUp(opened, bindings).catch((cause: unknown) => {
    log.warn({ err: cause }, `not all is as dockerd left it: ${messageOf(cause)}`);
  });
  const left = { controller, bindings, log };
  const late = opened.cluster?.subscribe(({ status }) => {
    if (status && opened.cluster?.status().state === "connected") void leaveLate(left);
  });
  parts.defer(() => late?.());
  await leaveLate(left);
  const driver = opened.cluster === undefined ? "bridge" : "overlay";
  const onJoin = (): void => names.look();
  const networkDriver = networkHandlers({ controller, kernel: opened.kernel, driver, bindings, log, onJoin });
  const ipamDriver = ipamHandlers({ controller, bindings, driver });
  const served = parts.use(
    await servePlugin({ name: "causeway", networkDriver, ipamDriver, listen: { socketPath }, log }),
  );
  const all = parts.move();
  return { address: served.address, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** What dockerd and the host have forgotten since we ran last. */
async function takeUp({ controller, kernel }: OpenedController, bindings: Bindings): Promise<void> {
  await releaseStrayLeases(controller, bindings);
  for (const { driver, name } of bindings.all()) {
    const network = controller.networks().find((each) => each.name === name);
    if (driver === "bridge" && network !== undefined) await letThrough(kernel, network);
  }
}
