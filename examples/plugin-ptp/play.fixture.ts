/** The example plugin played through the docker CLI, under whatever daemon. */
import assert from "node:assert/strict";
import { sh, type DockerLines } from "../../test/support/docker-lines.ts";

export const SOCKET = "/run/docker/plugins/ptp.sock";
const RECEIVED = /1 packets received/;

/** What the README promises, seen by ping; nothing is left of it. */
export async function play(docker: DockerLines): Promise<void> {
  await docker.importBusybox();
  const linksBefore = await sh("ip -o link | wc -l");

  await docker.ok("network create -d ptp --subnet 10.50.0.0/24 shop");
  await docker.ok("run -d --name c1 --network shop busybox sleep 1000");
  await docker.ok("run -d --name c2 --network shop --ip 10.50.0.77 busybox sleep 1000");
  assert.match(await docker.ok("exec c1 ping -c1 -W2 10.50.0.1"), RECEIVED);
  assert.match(await docker.ok("exec c1 ping -c1 -W2 c2"), RECEIVED);
  assert.match(await docker.ok("exec c2 ping -c1 -W2 c1"), RECEIVED);
  assert.match(await sh("ping -c1 -W2 10.50.0.77"), /1 received/);

  await docker.ok("network disconnect shop c1");
  assert.equal(await docker.does("exec c2 ping -c1 -W1 10.50.0.2"), false);
  await docker.ok("network connect shop c1");
  assert.match(await docker.ok("exec c1 ping -c1 -W2 c2"), RECEIVED);

  await docker.ok("rm -f c1 c2");
  await docker.ok("network rm shop");
  assert.equal(await sh("ip -o link | wc -l"), linksBefore);
  assert.equal(await sh("ip route show | grep -c 10.50 || true"), "0\n");
  assert.equal(await sh("iptables-save | grep -c ptp || true"), "0\n");
}
