/**
 * A root file system of one program: a static busybox and a link for each of its applets, as a tar file for `docker import`.
 * Nothing is downloaded; the program is the machine's own.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Writes the tar file to `path`. Throws where no busybox is found. */
export function makeBusyboxTar(path: string): void {
  const busybox = execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim();
  const applets = execFileSync(busybox, ["--list"], { encoding: "utf8" }).trim().split("\n");
  const root = mkdtempSync(join(tmpdir(), "busybox-root-"));
  try {
    for (const folder of ["bin", "etc", "proc", "sys", "dev", "tmp", "root", "var"]) mkdirSync(join(root, folder));
    copyFileSync(busybox, join(root, "bin/busybox"));
    for (const applet of applets) if (applet !== "busybox") symlinkSync("busybox", join(root, "bin", applet));
    writeFileSync(
      join(root, "etc/passwd"),
      "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    );
    writeFileSync(join(root, "etc/group"), "root:x:0:\nnogroup:x:65534:\n");
    execFileSync("tar", ["-C", root, "--owner=0", "--group=0", "-cf", path, "."]);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
