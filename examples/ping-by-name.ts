/**
 * Two sandboxes on one network reach each other by name. Run it as root, best in namespaces of its own:
 *
 *     unshare --net --mount --propagation private node examples/ping-by-name.ts
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openController, openSandbox } from "causeway";

const directory = await mkdtemp(join(tmpdir(), "causeway-example-"));
try {
  await using causeway = await openController({ dataRoot: directory, runDirectory: join(directory, "run") });
  await causeway.controller.createNetwork({ name: "backend" });
  {
    await using web = await openSandbox(causeway, { name: "web", networks: ["backend"] });
    await using db = await openSandbox(causeway, { name: "db", networks: ["backend"] });

    console.log((await web.run(["ping", "-c1", "-W2", db.name])).stdout);
    console.log((await db.run(["ip", "-brief", "address"])).stdout);
  }
  await causeway.controller.removeNetwork("backend");
} finally {
  await rm(directory, { recursive: true, force: true });
}
