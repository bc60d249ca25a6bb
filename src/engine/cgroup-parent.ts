/** The cgroup under which containers have theirs: runc makes it, we take it away when it is empty. */
import { readdir, rmdir } from "node:fs/promises";
import { join } from "node:path";

const ROOT = "/sys/fs/cgroup";

/**
 * Removes the parent from the unified hierarchy and from every cgroup v1 hierarchy, where it has no children left.
 * Equivalent to: `rmdir /sys/fs/cgroup/causeway /sys/fs/cgroup/x/causeway` for each controller x.
 */
export async function removeCgroupParent(parent: string, root = ROOT): Promise<void> {
  const hierarchies = await readdir(root, { withFileTypes: true }).catch(() => []);
  const names = hierarchies.filter((entry) => entry.isDirectory()).map((entry) => join(root, entry.name));
  for (const hierarchy of [root, ...names]) {
    if (join(hierarchy, parent) === hierarchy) continue;
    // Busy with another engine's containers, or never made: both are fine.
    await rmdir(join(hierarchy, parent)).catch(() => undefined);
  }
}
