/**
 * An internal network has no way out: its sandboxes reach each other and nothing else, for they have no default route. Run it
 * as root, best in namespaces of its own:
 *
 *     unshare --net --mount --propagation private node examples/internal-network.ts
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openController, openSandbox, parseAddress, parsePrefix } from "causeway";

const directory = await mkdtemp(join(tmpdir(), "causeway-example-"));
try {
  await using causeway = await openController({ dataRoot: directory, runDirectory: join(directory, "run") });
  await causeway.controller.createNetwork({
    name: "vault",
    internal: true,
    ipam: { pools: [{ family: 4, subnet: parsePrefix("10.20.30.0/24") }] },
  });
  {
    const ipv4Address = parseAddress("10.20.30.40");
    await using keys = await openSandbox(causeway, { name: "keys", networks: [{ network: "vault", ipv4Address }] });
    await using user = await openSandbox(causeway, { name: "user", networks: ["vault"] });

    console.log((await user.run(["ping", "-c1", "-W2", keys.name])).stdout);
    console.log(`routes: ${(await user.run(["ip", "route"])).stdout}`);
    console.log(`outside: ${(await user.run(["ping", "-c1", "-W1", "192.0.2.1"])).stderr}`);
  }
  await causeway.controller.removeNetwork("vault");
} finally {
  await rm(directory, { recursive: true, force: true });
}
