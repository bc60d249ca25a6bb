/** `causeway plugin` put together: kernel thread, cluster, controller without networks of its own, and the plugin that serves them. */
import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { ClusterSettings } from "../../controller/shared/cluster-settings.ts";
import { openController } from "../../controller/open.ts";
import type { NetworkSettings } from "../../controller/options.ts";
import type { Kernel } from "../../kernel/kernel.ts";
import { openKernelThread } from "../../kernel/thread.ts";
import { openCausewayPlugin } from "../../plugin/dockerd/causeway-plugin.ts";
import { advertisedAddress } from "../cluster-advertise.ts";
import { claimNamespace } from "../namespace-claim.ts";
import { PidFile } from "../pid-file.ts";
import type { PluginConfig } from "./plugin-options.ts";

/** dockerd has the host: its bridge, its forwarding, its rules. */
const SETTINGS: NetworkSettings = {
  dns: { servers: [], search: [], options: [] },
  resolvConfPath: "/etc/resolv.conf",
  hostGateways: [],
  ipForward: false,
};

/** Serves when this resolves; disposing stops it, and leaves containers their networks. */
export async function runPlugin(config: PluginConfig, log: Log): Promise<AsyncDisposable> {
  await using parts = new AsyncDisposableStack();
  const { cluster, dataRoot, execRoot, socketPath, dockerSocket } = config;
  mkdirSync(dataRoot, { recursive: true, mode: 0o711 });
  mkdirSync(execRoot, { recursive: true, mode: 0o711 });
  parts.use(PidFile.create(join(execRoot, "causeway-plugin.pid")));
  parts.use(claimNamespace());
  const kernel = parts.use(await openKernelThread());
  const settings = await clusterSettings(cluster, kernel);
  const opened = parts.use(
    await openController({
      dataRoot,
      runDirectory: execRoot,
      settings: SETTINGS,
      // In containers' namespaces, in a table of their own beside dockerd's rules.
      firewallBackend: "nftables",
      hostRules: false,
      plugins: "none",
      ...(settings !== undefined && { cluster: settings }),
      log,
      clock: systemClock,
      kernel,
    }),
  );
  const plugin = parts.use(await openCausewayPlugin({ opened, socketPath, dockerSocket, log }));
  log.info({}, `plugin listens on ${plugin.address}`);
  return parts.move();
}

async function clusterSettings(cluster: PluginConfig["cluster"], kernel: Kernel): Promise<ClusterSettings | undefined> {
  if (cluster === undefined) return undefined;
  const { advertise, ...settings } = cluster;
  const address = await advertisedAddress(kernel, advertise);
  return { ...settings, address, port: advertise.port, hostName: hostname() };
}
