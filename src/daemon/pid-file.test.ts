/** The pid file keeps a second daemon out and gives way to a dead one. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { PidFile } from "./pid-file.ts";

const directory = mkdtempSync(join(tmpdir(), "causeway-pid-"));
after(() => rmSync(directory, { recursive: true }));

test("it holds our pid, and is gone after us", () => {
  const path = join(directory, "deep", "a.pid");
  {
    using _file = PidFile.create(path);
    assert.equal(readFileSync(path, "utf8"), String(process.pid));
  }
  assert.ok(!existsSync(path));
});

test("a living process keeps us out, and its file stays", () => {
  const path = join(directory, "live.pid");
  writeFileSync(path, String(process.ppid));
  assert.throws(() => PidFile.create(path), {
    message: new RegExp(`process with PID ${process.ppid} is still running`),
  });
  assert.ok(existsSync(path));
});

test("a dead process's file, and one that is no number, are replaced", () => {
  const path = join(directory, "dead.pid");
  for (const content of [String(spawnSync("true").pid), "garbage"]) {
    writeFileSync(path, content);
    using _file = PidFile.create(path);
    assert.equal(readFileSync(path, "utf8"), String(process.pid));
  }
});

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 10_000; !condition(); await new Promise((resolve) => setTimeout(resolve, 10))) {
    assert.ok(Date.now() < deadline, `never came true: ${String(condition)}`);
  }
}

test("the file of a daemon that was killed and that nobody has reaped is replaced", async (t) => {
  // The shell becomes a sleep, which knows nothing of the child that it has.
  const parent = spawn("sh", ["-c", "sleep 100 & echo $!; exec sleep 100"], { stdio: ["ignore", "pipe", "ignore"] });
  t.after(() => parent.kill());
  const [line]: string[] = await once(parent.stdout.setEncoding("utf8"), "data");
  const pid = Number(line);
  await until(() => readFileSync(`/proc/${parent.pid}/comm`, "utf8") === "sleep\n");
  process.kill(pid, "SIGKILL");
  await until(() => readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z "));
  const path = join(directory, "zombie.pid");
  writeFileSync(path, String(pid));
  using _file = PidFile.create(path);
  assert.equal(readFileSync(path, "utf8"), String(process.pid));
});
