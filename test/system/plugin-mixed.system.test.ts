/** One cluster of two kinds of hosts: dockerd with `causeway plugin`, and causewayd. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { missingStore } from "../support/cluster-servers.ts";
import { TestDaemon } from "../support/daemon.ts";
import { DockerLines } from "../support/docker-lines.ts";
import { withoutDockerd } from "../support/dockerd.ts";
import { PluginHosts, type PluginHost } from "../support/plugin-hosts.ts";
import { until } from "../support/wait.ts";

const RECEIVED = /1 packets received/;
const OTHER_ADDRESS = "10.99.0.12";

/** In the second host's namespaces, under a name and an address of its own. */
async function startCausewayd(all: PluginHosts, host: PluginHost): Promise<TestDaemon> {
  await host.plugin.stop();
  await host.run("ip", "address", "add", `${OTHER_ADDRESS}/24`, "dev", "eth0");
  const naming = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', "other"];
  const daemon = TestDaemon.prepare({
    within: () => [...host.within, ...naming],
    flags: [
      `--cluster-store=${all.store?.url ?? ""}/test`,
      `--cluster-advertise=${OTHER_ADDRESS}:2376`,
      "--bridge=none",
      "--firewall-backend=nftables",
      "--ip-forward=false",
    ],
  });
  await daemon.start();
  return daemon;
}

test(
  "a network that causewayd made is dockerd's too, by address and by name",
  { skip: withoutDockerd() ?? missingStore("etcd") },
  async () => {
    await using all = await PluginHosts.start(2);
    const [one, two] = [all.host(1), all.host(2)];
    await using daemon = await startCausewayd(all, two);
    const causewayd = new DockerLines(daemon);
    await causewayd.importBusybox();
    await causewayd.ok("network create -d overlay --internal shop");
    await causewayd.ok("run -d --name c2 --network shop busybox sleep 1000");
    await one.ok("network create -d causeway --ipam-driver causeway --ipam-opt causeway.network=shop mine");
    await one.ok("run -d --name c1 --network mine --dns 127.0.0.12 busybox sleep 1000");
    const pings = async (from: (line: string) => Promise<boolean>, line: string): Promise<void> => {
      await until(line, () => from(line), 30_000);
    };
    await pings((line) => one.does(line), "exec c1 ping -c1 -W3 c2");
    await pings((line) => causewayd.does(line), "exec c2 ping -c1 -W3 c1");
    const shown = await causewayd.ok("network inspect shop");
    assert.match(shown, /"Name": "c1"/);
    assert.match(await causewayd.ok("exec c2 ping -c1 -W3 c1"), RECEIVED);
    await one.ok("rm -f c1");
    await one.ok("network rm mine");
    assert.match(await causewayd.ok("network ls"), /shop/);
    await causewayd.ok("rm -f c2");
    await causewayd.ok("network rm shop");
  },
);
