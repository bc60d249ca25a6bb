/**
 * A running sandbox is connected to a second network and disconnected again: an interface appears and goes, and with it the
 * names of that network. Run it as root, best in namespaces of its own:
 *
 *     unshare --net --mount --propagation private node examples/hot-connect.ts
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openController, openSandbox } from "causeway";

const directory = await mkdtemp(join(tmpdir(), "causeway-example-"));
try {
  await using causeway = await openController({ dataRoot: directory, runDirectory: join(directory, "run") });
  await causeway.controller.createNetwork({ name: "backend" });
  await causeway.controller.createNetwork({ name: "frontend" });
  {
    await using c2 = await openSandbox(causeway, { name: "c2", networks: ["backend"] });
    await using c3 = await openSandbox(causeway, { name: "c3", networks: ["frontend"] });
    const pingC3 = ["ping", "-c1", "-W2", c3.name];

    console.log(`before: ${(await c2.run(pingC3)).stderr}`);
    await c2.connect("frontend");
    console.log(`connected: ${(await c2.run(pingC3)).stdout}`);
    console.log((await c2.run(["ip", "-brief", "address"])).stdout);
    await c2.disconnect("frontend");
    console.log(`after: ${(await c2.run(pingC3)).stderr}`);
    console.log((await c2.run(["ip", "-brief", "address"])).stdout);
  }
  await causeway.controller.removeNetwork("frontend");
  await causeway.controller.removeNetwork("backend");
} finally {
  await rm(directory, { recursive: true, force: true });
}
